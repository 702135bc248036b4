// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// A second webhook serves all the profiles of the tests: those of mutate/testdata,
// that of the exceptions, and one for each value of each field. It is called for
// the namespaces whose label names one of them, in the modes enforce and warn, as the
// shipped configuration has it for hardened. The first test that needs it starts it.
type ownProfiles struct {
	*webhook.Webhook
	dirs []string // what serve --profiles got
}

var startedProfiles *ownProfiles

var startProfiles = sync.OnceValues(func() (*ownProfiles, error) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return nil, err
	}
	// No temporary directory of a test, since they all share it.
	dir, err := os.MkdirTemp("", "caseharden-profiles-")
	if err != nil {
		return nil, err
	}
	own := &ownProfiles{dirs: []string{filepath.Join(root, "mutate", "testdata"), filepath.Join(root, "docs", "examples", "profiles"), dir}}
	startedProfiles = own
	fields, err := fieldProfiles()
	if err != nil {
		return nil, err
	}
	written := exceptionProfiles
	for _, p := range fields {
		written += "---\n" + p.manifest()
	}
	if err := os.WriteFile(filepath.Join(dir, "profiles.yaml"), []byte(written), 0o600); err != nil {
		return nil, err
	}
	if own.Webhook, err = webhook.Start(context.Background(), binary, dir, own.flags()...); err != nil {
		return nil, err
	}
	configuration, err := own.Configuration()
	if err != nil {
		return nil, err
	}
	entries := map[string]*admissionregistrationv1.MutatingWebhook{}
	for _, mode := range []string{"enforce", "warn"} {
		entries[mode] = webhook.Entry(configuration, mode, "hardened").DeepCopy()
	}
	configuration.Name, configuration.Webhooks = "own-profiles", nil
	names, err := own.names()
	if err != nil {
		return nil, err
	}
	for mode, entry := range entries {
		for _, name := range names {
			w := entry.DeepCopy()
			w.Name = mode + "-" + name + ".caseharden.io"
			url := "https://" + own.Addr + "/" + mode + "/" + name
			w.ClientConfig.URL = &url
			w.NamespaceSelector.MatchLabels = map[string]string{"caseharden.io/" + mode: name}
			configuration.Webhooks = append(configuration.Webhooks, *w)
		}
	}
	return own, webhook.Install(context.Background(), client, configuration, map[string]string{"caseharden.io/enforce": "everything"})
})

func (own *ownProfiles) flags() []string {
	var flags []string
	for _, dir := range own.dirs {
		flags = append(flags, "--profiles="+dir)
	}
	return flags
}

// names returns the names of the profiles that are not built in.
func (own *ownProfiles) names() ([]string, error) {
	list, err := exec.Command(binary, append([]string{"profiles", "list", "-o", "name"}, own.flags()...)...).Output()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range strings.FieldsSeq(string(list)) {
		if !slices.Contains([]string{"compatible", "hardened", "restricted"}, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// stopProfiles ends the webhook, if it was started.
func stopProfiles() error {
	if startedProfiles == nil {
		return nil
	}
	err := os.RemoveAll(startedProfiles.dirs[2])
	if startedProfiles.Webhook != nil {
		err = errors.Join(err, startedProfiles.Stop())
	}
	return err
}

func withOwnProfiles(t *testing.T) *ownProfiles {
	t.Helper()
	own, err := startProfiles()
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// yamlOf nests a value below the path of a field: {capabilities: {drop: [ALL]}}.
func yamlOf(field, value string) string {
	names := strings.Split(field, ".")
	slices.Reverse(names)
	for _, name := range names {
		value = fmt.Sprintf("{%s: %s}", name, value)
	}
	return value
}
