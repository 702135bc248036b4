// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// record writes what was found of applications, and keeps what is known of the others. Each
// setting gets the cause that causes.yaml gives, or none, which a test tells.
func record(apps []catalogue.App, found []*catalogue.AppTruth) error {
	if !slices.ContainsFunc(found, func(t *catalogue.AppTruth) bool { return t != nil }) {
		return nil
	}
	truth, err := catalogue.ReadTruth()
	if err != nil {
		truth = catalogue.Truth{}
	}
	causes, err := catalogue.Causes()
	if err != nil {
		return err
	}
	known := map[string]catalogue.AppTruth{}
	for _, t := range truth.Apps {
		known[t.Name] = t
	}
	for i, t := range found {
		if t == nil {
			continue
		}
		for n := range t.Differs {
			t.Differs[n].Cause = causes[t.Name][t.Differs[n].Setting]
		}
		known[apps[i].Name] = *t
	}
	all, err := catalogue.Load()
	if err != nil {
		return err
	}
	truth.Apps = nil
	for _, app := range all {
		if t, ok := known[app.Name]; ok {
			truth.Apps = append(truth.Apps, t)
		}
	}
	truth.Date = time.Now().UTC().Format(time.DateOnly)
	truth.Commit = output("git", "rev-parse", "--short", "HEAD")
	truth.Versions = versions()
	return truth.Write()
}

// versions are those of what the applications ran on.
func versions() map[string]string {
	var name unix.Utsname
	_ = unix.Uname(&name) // it cannot fail
	kernel, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	_, runc, _ := strings.Cut(strings.Split(output("runc", "--version"), "\n")[0], "version ")
	return map[string]string{
		"kernel": kernel, "runc": runc, "debian": "12",
		"kubernetes": output("go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"),
	}
}

func output(name string, args ...string) string {
	text, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
