// SPDX-License-Identifier: Apache-2.0

//go:build linux

package catalogue

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// A Truth is what was found by running the applications.
type Truth struct {
	Commit   string            `json:"commit"` // of the applications
	Date     string            `json:"date"`
	Versions map[string]string `json:"versions"` // of what they ran on
	Apps     []AppTruth        `json:"apps"`
}

// An AppTruth is what was found of one application.
type AppTruth struct {
	Name     string            `json:"name"`
	Digest   string            `json:"digest"` // App.Digest
	HeldOut  bool              `json:"heldOut,omitempty"`
	Packages map[string]string `json:"packages"`
	// Works says under which variants it serves, by their names: as it is, all settings,
	// only one of them, without one of them, and what was run to find the smallest.
	Works map[string]bool `json:"works"`
	// Smallest are the smallest profiles under which it serves: they keep the most settings,
	// and among those they differ from profile hardened in the fewest. There are several if
	// none is smaller.
	Smallest []Variant `json:"smallest"`
	// Differs are the settings in which the first of them differs, each with its cause.
	Differs []Difference `json:"differs,omitempty"`
}

// A Difference is a setting in which a profile has to differ from profile hardened.
type Difference struct {
	Setting string `json:"setting"`
	// Also is another setting that may be named in its place: writable paths answer both a
	// read-only root and a user that the directories do not belong to.
	Also  string `json:"also,omitempty"`
	Cause Cause  `json:"cause"`
	// How it ended, and the last of what it said, under the smallest profile with this
	// setting as profile hardened has it.
	How string `json:"how"`
	Log string `json:"log,omitempty"`
}

// A Cause is why a setting has to differ.
type Cause string

// The causes that were seen.
const (
	Owner          Cause = "owner"           // files or directories of the image are for another user
	ReadOnly       Cause = "read-only"       // it writes to the file system of the image
	Entrypoint     Cause = "entrypoint"      // what starts it chowns, or changes its user, and does not ask who it is
	NeedsRoot      Cause = "needs-root"      // its program works as root alone
	Capability     Cause = "capability"      // root without capabilities cannot do its work, such as changing the user
	FileCapability Cause = "file-capability" // its program has a file capability with the effective bit
	SetUID         Cause = "setuid"          // it runs a program that becomes another user by its mode
	NoPasswd       Cause = "no-passwd"       // it looks for the user in /etc/passwd
	ImageUser      Cause = "image-user"      // the kubelet refuses the user of the image
)

// causes are what people found out by reading logs and programs: causes.yaml, by
// application and setting.
//
//go:embed causes.yaml
var causes []byte

// Causes returns the cause for each application and setting that has one.
func Causes() (map[string]map[string]Cause, error) {
	var found map[string]map[string]Cause
	if err := yaml.UnmarshalStrict(causes, &found); err != nil {
		return nil, fmt.Errorf("causes.yaml: %w", err)
	}
	return found, nil
}

// ReadTruth reads what was found. Without a file it is an error that wraps fs.ErrNotExist:
// nothing was measured.
func ReadTruth() (t Truth, err error) {
	text, err := read("truth.json")
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("truth.json: %w", err)
	}
	return t, nil
}

// Write writes what was found.
func (t Truth) Write() error {
	text, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return err
	}
	return write("truth.json", append(text, '\n'))
}

// Live returns the pods that ran the application as it is, with their owners: what kubectl
// get -o json prints. It is nil if there is no such file.
func (a App) Live() ([]byte, error) {
	text, err := read(filepath.Join("live", a.Name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// WriteLive writes what Live returns.
func (a App) WriteLive(text []byte) error { return write(filepath.Join("live", a.Name+".json"), text) }

func read(name string) ([]byte, error) {
	dir, err := dir()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, name))
}
