// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// Directories that a command, a variable or a VOLUME names are looked at wherever they are,
// as long as the image has made them for what the program writes.
func TestNamedDirectories(t *testing.T) {
	const server = "f 755 0:0 /bin/server\n"
	asRoot := func(c *evidence.Container) { c.After.User, c.After.NonRoot, c.After.ReadOnlyRoot = nil, nil, false }
	for _, tt := range []struct {
		name   string
		config evidence.Config
		files  string
		edit   func(c *evidence.Container)
		want   []string // with the severity
	}{
		{"a directory of the image's own user", evidence.Config{User: "65534", Entrypoint: []string{"/bin/server", "--storage.path=/metrics"}}, "d 755 65534:65534 /metrics", nil, []string{
			`high: risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/metrics"]}`}},
		{"a directory of root", evidence.Config{Entrypoint: []string{"/bin/server", "-d", "/store/a"}}, "d 755 0:0 /store", nil, []string{
			`medium: risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/store"]}`}},
		{"a directory with programs", evidence.Config{Entrypoint: []string{"/bin/server", "/app"}}, "f 644 0:0 /app/main.js", nil, nil},
		{"a directory of the system", evidence.Config{Entrypoint: []string{"/bin/server", "/usr/share/server"}}, "d 755 0:0 /usr/share/server", nil, nil},
		{"directories below that of a server", evidence.Config{Entrypoint: []string{"/bin/server"}, Env: []string{"SERVER_HOME=/opt/server"}},
			"f 644 0:0 /opt/server/lib/x.jar\nd 777 0:0 /opt/server/logs\nd 755 0:0 /opt/server/plugins", nil, []string{
				`medium: risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/opt/server/logs"]}`}},
		{"a directory of the server below one for many", evidence.Config{Entrypoint: []string{"/bin/server"}, Env: []string{"XDG_DATA_HOME=/data"}},
			"d 755 0:0 /data\nd 1777 0:0 /data/server", nil, []string{
				`medium: risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/data/server"]}`}},
		{"a directory of the server below one for many, which is writable", evidence.Config{Entrypoint: []string{"/bin/server"}, Env: []string{"XDG_DATA_HOME=/data"}},
			"d 755 0:0 /data\nd 1777 0:0 /data/server", func(c *evidence.Container) { c.After.ReadOnlyRoot = false }, nil},
		{"a volume of root", evidence.Config{Entrypoint: []string{"/bin/server"}, Volumes: []string{"/state"}}, "d 755 0:0 /state", nil, []string{
			`medium: risk directory-owner [readOnlyRootFilesystem] {"writablePaths":["/state"]}`}},
		{"a volume that the image does not have", evidence.Config{Entrypoint: []string{"/bin/server"}, Volumes: []string{"/state"}}, "", nil, []string{
			`medium: risk directory-owner [readOnlyRootFilesystem] {"writablePaths":["/state"]}`}},
		{"a volume, and root as before", evidence.Config{Entrypoint: []string{"/bin/server"}, Volumes: []string{"/state"}}, "d 755 0:0 /state", asRoot, nil},
		{"a volume for every user", evidence.Config{Entrypoint: []string{"/bin/server"}, Volumes: []string{"/state"}}, "d 777 0:0 /state", nil, nil},
		{"a volume for configuration", evidence.Config{Entrypoint: []string{"/bin/server"}, Volumes: []string{"/certs"}}, "d 755 0:0 /certs", nil, nil},
		{"a volume that the Pod mounts", evidence.Config{Entrypoint: []string{"/bin/server"}, Volumes: []string{"/state"}}, "d 755 0:0 /state", func(c *evidence.Container) {
			c.Mounts = []evidence.Mount{{Path: "/state", Writable: true}}
		}, nil},
	} {
		image := &evidence.Image{Config: tt.config, Files: imagetest.New(t, server+tt.files, nil)}
		var got []string
		for _, f := range evidence.Judge(hardened(tt.edit), &evidence.Facts{Image: image}) {
			got = append(got, string(f.Severity)+": "+found(f))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: findings (-want +got):\n%s", tt.name, diff)
		}
	}
}
