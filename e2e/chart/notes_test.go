// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"path/filepath"
	"strings"
	"testing"
)

// The notes that Helm prints have a command for labels which the guard has not seen. It
// finds the namespaces whose label names no profile, in each mode, and no others.
func TestNotesFindUnknownLabels(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for name, labels := range map[string]map[string]string{
		"mistyped-enforce": {"caseharden.io/enforce": "hardend"},
		"mistyped-warn":    {"caseharden.io/enforce": "hardened", "caseharden.io/warn": "restrict"},
		"mistyped-audit":   {"caseharden.io/audit": "taken-away"},
		"fine":             {"caseharden.io/enforce": "hardened", "caseharden.io/warn": "mesh", "caseharden.io/audit": "restricted"},
		"plain":            {"team": "a"},
	} {
		in.namespace(t, name, labels)
	}
	notes, stderr, err := run(t, in.env, "", helmBinary, "install", "caseharden", chartDir(), "--namespace=caseharden", "--create-namespace",
		"--set-file=profiles.mesh.file="+exampleProfile("mesh"))
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	_, after, found := strings.Cut(notes, "\n   for mode in ")
	command, _, _ := strings.Cut(after, "\n")
	if !found {
		t.Fatalf("the notes have no such command:\n%s", notes)
	}
	env := append([]string{"PATH=" + filepath.Dir(kubectlBinary) + ":/usr/bin:/bin"}, in.env...)
	listed, stderr, err := run(t, env, "", "bash", "-euc", "for mode in "+command)
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	var names []string
	for line := range strings.Lines(listed) {
		if name := strings.Fields(line)[0]; name != "NAME" {
			names = append(names, name)
		}
	}
	if got, want := strings.Join(names, " "), "mistyped-enforce mistyped-warn mistyped-audit"; got != want {
		t.Errorf("found are %q, want %q", got, want)
	}
}
