// SPDX-License-Identifier: Apache-2.0

package evidence

import "encoding/json"

// A Verdict says if a container works under a setting of the profile, given all other
// settings of the profile.
type Verdict string

const (
	Breaks  Verdict = "breaks"  // proven: the container cannot start, or does not reach its main program
	Risk    Verdict = "risk"    // a named, ranked reason; it may be wrong
	Unknown Verdict = "unknown" // no evidence: the image could not be read, and nothing was run
	Fits    Verdict = "fits"    // proven by a run or by the live status
)

// A Severity ranks findings. [Breaks] is always high.
type Severity string

const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// A Finding names the settings in which a profile under which the container works has to
// differ, and the cause.
type Finding struct {
	ID        string     `json:"id"`                  // the cause, from a closed set
	Container string     `json:"container,omitempty"` // empty: the pod as a whole
	Settings  []string   `json:"settings"`            // fields of the profile, such as capabilities.drop
	Verdict   Verdict    `json:"verdict"`
	Severity  Severity   `json:"severity"`
	What      string     `json:"what"` // what breaks, and why, in one sentence
	Fix       string     `json:"fix"`
	Evidence  []Item     `json:"evidence"`            // never empty
	Exception *Exception `json:"exception,omitempty"` // the smallest exception known to resolve it
}

// A Source is where an [Item] of evidence comes from, from cheap to sure.
type Source string

const (
	FromManifest Source = "manifest"
	FromStatus   Source = "status" // the live status of a pod
	FromKnown    Source = "known"  // facts of a well-known image
	FromImage    Source = "image"  // the configuration or the layers of the image
	FromRun      Source = "run"    // a trial
)

// An Item is one piece of evidence.
type Item struct {
	Source Source `json:"source"`
	Text   string `json:"text"`            // one line, such as "/var/lib/mysql belongs to 999:999, mode 0755"
	Path   string `json:"path,omitempty"`  // in the container
	Where  string `json:"where,omitempty"` // a layer's digest, a field of the status, or the address of a source
}

// An Exception is what an exception of a profile would say for the containers of an image.
type Exception struct {
	Leave         []string                   `json:"leave,omitempty"`         // fields
	Container     map[string]json.RawMessage `json:"container,omitempty"`     // other values, such as {"runAsUser": 101}
	WritablePaths []string                   `json:"writablePaths,omitempty"` // where an emptyDir helps
	Add           []string                   `json:"add,omitempty"`           // capabilities that only the author can add: no profile may
}
