// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// What the runtime mounts is not what the container wrote, and a new directory is written
// where it can be mounted.
func TestFindWritten(t *testing.T) {
	t.Parallel()
	make := func(paths ...string) string {
		dir := t.TempDir()
		for _, path := range paths {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if path[len(path)-1] == '/' {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, path), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for name, test := range map[string]struct {
		lower, upper []string
		want         written
	}{
		"nothing":                      {[]string{"tmp/"}, nil, written{}},
		"mounts":                       {[]string{"run/", "etc/passwd"}, []string{"run/secrets/kubernetes.io/", "dev/shm/", "etc/hosts", "etc/resolv.conf"}, written{}},
		"a file in an empty directory": {[]string{"tmp/"}, []string{"tmp/x"}, written{Empty: []string{"/tmp"}}},
		"a directory that is touched":  {[]string{"tmp/"}, []string{"tmp/"}, written{Empty: []string{"/tmp"}}},
		"beside files of the image":    {[]string{"srv/app.py"}, []string{"srv/data"}, written{Other: []string{"/srv"}}},
		"a new one beside others":      {[]string{"run/lock/"}, []string{"run/app/pid"}, written{Empty: []string{"/run/app"}}},
		"a new one in an empty one":    {[]string{"data/"}, []string{"data/db/file"}, written{Empty: []string{"/data"}}},
		"beside a directory":           {[]string{"var/lib/app/db/"}, []string{"var/lib/app/x"}, written{Empty: []string{"/var/lib/app"}}},
		"a new one in the root":        {[]string{"etc/passwd"}, []string{"data/db/file"}, written{Empty: []string{"/data"}}},
		"the configuration":            {[]string{"etc/passwd", "etc/app/conf"}, []string{"etc/passwd", "etc/app/conf"}, written{Other: []string{"/etc/app"}}},
		"beside a mount":               {[]string{"run/lock/"}, []string{"run/secrets/x/", "run/app.pid"}, written{Empty: []string{"/run"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := findWritten(cluster.RootFS{Lower: []string{make(test.lower...)}, Upper: make(test.upper...)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}
