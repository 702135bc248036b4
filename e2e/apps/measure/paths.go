// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// rounds is how often a run is repeated with the paths that its log complained of.
const rounds = 4

// pathSets returns sets of writable paths that may help: where the application wrote when it
// ran as it is; and what somebody would find who runs it under all settings, and again with
// each directory that the log complains of.
func (a *appRunner) pathSets(ctx context.Context, w written, users ...int64) ([][]string, error) {
	if !slices.Contains(w.Empty, "/tmp") {
		w.Empty = append(slices.Clone(w.Empty), "/tmp") // which other users may need
		slices.Sort(w.Empty)
	}
	sets := w.sets()
	for _, user := range users {
		v := catalogue.Without()
		v.User, v.WritablePaths = user, w.Empty
		for range rounds {
			e, err := a.run(ctx, v)
			if err != nil {
				return nil, err
			}
			more := complaints(e.Outcome.Log)
			more = slices.DeleteFunc(more, func(dir string) bool { return slices.Contains(v.WritablePaths, dir) })
			if e.Outcome.Works || len(more) == 0 {
				break
			}
			v.WritablePaths = slices.Concat(v.WritablePaths, more)
			slices.Sort(v.WritablePaths)
		}
		if !slices.ContainsFunc(sets, func(set []string) bool { return slices.Equal(set, v.WritablePaths) }) {
			sets = append(sets, v.WritablePaths)
		}
	}
	return sets, nil
}

var (
	denied   = regexp.MustCompile(`(?i)permission denied|not permitted|read-only file system|unable to|cannot open|can't open|no usable`)
	absolute = regexp.MustCompile(`/[A-Za-z0-9._@+/-]*[A-Za-z0-9_]`)
)

// complaints returns the directories of the files that a log says cannot be written.
func complaints(log string) (dirs []string) {
	for line := range strings.Lines(log) {
		if !denied.MatchString(line) {
			continue
		}
		for _, file := range absolute.FindAllString(line, -1) {
			dir := path.Dir(strings.Replace(path.Clean(file), "/var/run/", "/run/", 1))
			top, _, _ := strings.Cut(strings.TrimPrefix(dir, "/"), "/")
			if !slices.Contains([]string{"", "bin", "dev", "etc", "lib", "lib64", "proc", "sbin", "sys", "usr"}, top) || strings.HasPrefix(dir, "/usr/local/") {
				dirs = append(dirs, dir)
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
