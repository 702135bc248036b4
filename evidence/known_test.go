// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
)

func number(n int64) *int64 { return &n }

func TestKnownImages(t *testing.T) {
	at := func(path, volume string) func(c *evidence.Container) {
		return func(c *evidence.Container) {
			c.Mounts = append(c.Mounts, evidence.Mount{Path: path, Writable: true})
		}
	}
	root := func(c *evidence.Container) {
		c.Before.User, c.After.User, c.After.NonRoot = number(0), number(0), nil
	}
	restricted := func(c *evidence.Container) {
		c.After.User, c.After.ReadOnlyRoot = nil, false
	}
	guarded := evidence.Known{UID: number(999), StartsAsRoot: true, Guarded: true, Capabilities: []string{"SETUID", "SETGID"}}
	with := func(k evidence.Known, edit func(k *evidence.Known)) evidence.Known {
		edit(&k)
		return k
	}
	for _, tt := range []struct {
		name    string
		known   evidence.Known
		edit    func(c *evidence.Container)
		runtime string
		want    []string
	}{
		{"a guarded entrypoint", guarded, nil, "", nil},
		{"a guarded entrypoint, as root", guarded, root, "", []string{
			`risk entrypoint-needs-root [capabilities.drop] {"leave":["capabilities.drop"]}`,
		}},
		{"no guard", with(guarded, func(k *evidence.Known) { k.Guarded = false }), nil, "", []string{
			`risk entrypoint-needs-root [capabilities.drop runAsNonRoot runAsUser] {"leave":["capabilities.drop","runAsNonRoot","runAsUser"]}`,
		}},
		{"no guard, and it writes below /run", with(guarded, func(k *evidence.Known) {
			k.Guarded, k.Writes, k.Data, k.Volumes = false, []string{"/run/db"}, []string{"/data"}, []string{"/data"}
		}), nil, "", []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/run/db"]}`,
			`risk entrypoint-needs-root [capabilities.drop runAsNonRoot runAsUser] {"leave":["capabilities.drop","runAsNonRoot","runAsUser"]}`,
		}},
		{"no guard, with a command of its own", with(guarded, func(k *evidence.Known) { k.Guarded = false }), func(c *evidence.Container) { c.Command = []string{"x"} }, "", nil},
		{"an image for programs of others", with(guarded, func(k *evidence.Known) { k.Guarded, k.Base = false, true }), nil, "", nil},
		{"it writes below /run", with(guarded, func(k *evidence.Known) { k.Writes = []string{"/run/db"} }), nil, "", []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/run/db"]}`,
		}},
		{"a volume below /run", with(guarded, func(k *evidence.Known) { k.Writes = []string{"/var/run/db"} }), at("/run", "emptyDir"), "", nil},
		{"a volume elsewhere", with(guarded, func(k *evidence.Known) { k.Writes = []string{"/run/db"} }), at("/data", "emptyDir"), "", []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/run/db"]}`,
		}},
		{"data on a volume of the image", with(guarded, func(k *evidence.Known) { k.Data, k.Volumes = []string{"/data"}, []string{"/data"} }), nil, "", []string{
			`risk directory-owner [runAsUser] {"container":{"runAsUser":999}}`,
		}},
		{"data on a volume of the image, which CRI-O does not mount", with(guarded, func(k *evidence.Known) { k.Data, k.Volumes = []string{"/data"}, []string{"/data"} }), nil, "cri-o://1.33", []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/data"]}`,
		}},
		{"data on a volume of the pod", with(guarded, func(k *evidence.Known) { k.Data, k.Volumes = []string{"/data"}, []string{"/data"} }), at("/data", "emptyDir"), "", nil},
		{"data for any user", with(guarded, func(k *evidence.Known) { k.Data, k.Volumes, k.AnyUser = []string{"/data"}, []string{"/data"}, true }), nil, "", nil},
		{"files that it changes", with(guarded, func(k *evidence.Known) { k.Rewrites = []string{"/etc/app"} }), nil, "", []string{
			`risk directory-owner [runAsUser] {"container":{"runAsUser":999}}`,
			`risk directory-read-only [readOnlyRootFilesystem] {"leave":["readOnlyRootFilesystem"]}`,
		}},
		{"its own numeric user", evidence.Known{UID: number(101), User: "101", Rewrites: []string{"/etc/app"}}, func(c *evidence.Container) { c.After.ReadOnlyRoot = false }, "", []string{
			`risk directory-owner [runAsUser] {"leave":["runAsUser"]}`,
		}},
		{"a file capability", evidence.Known{UID: number(101), User: "101", FileCapabilities: []string{"NET_BIND_SERVICE"}}, nil, "", []string{
			`risk file-capability [capabilities.drop] {"leave":["capabilities.drop"]}`,
		}},
		{"a file capability that the manifest adds", evidence.Known{UID: number(101), User: "101", FileCapabilities: []string{"NET_BIND_SERVICE"}},
			func(c *evidence.Container) {
				c.Before.Add, c.After.Add = []string{"NET_BIND_SERVICE"}, []string{"NET_BIND_SERVICE"}
			}, "", nil},
		{"a named user, and a profile without a user", evidence.Known{UID: number(101), User: "app"}, restricted, "", []string{
			`risk image-user-refused [runAsNonRoot] {"container":{"runAsUser":101}}`,
		}},
		{"root, and a profile without a user", evidence.Known{UID: number(0)}, restricted, "", []string{
			`risk image-user-refused [runAsNonRoot] {"leave":["runAsNonRoot"]}`,
		}},
		{"a numeric user, and a profile without a user", evidence.Known{UID: number(101), User: "101"}, restricted, "", nil},
		{"a low port with containerd 1", evidence.Known{UID: number(0), LowPorts: []int{80}}, nil, "containerd://1.7.29", []string{`risk low-port [runAsUser]`}},
		{"a low port with containerd 2", evidence.Known{UID: number(0), LowPorts: []int{80}}, nil, "containerd://2.2.0", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.known.Image, tt.known.Source = "docker.io/library/x", []string{"https://example.com/Dockerfile"}
			var got []string
			for _, f := range evidence.Judge(hardened(tt.edit), &evidence.Facts{Known: &tt.known, Runtime: tt.runtime}) {
				if f.Verdict != evidence.Risk {
					t.Errorf("%s: a fact of public sources proves nothing", f.Verdict)
				}
				if f.What == "" || f.Fix == "" || len(f.Evidence) == 0 || f.Evidence[0].Source != evidence.FromKnown || f.Evidence[0].Where == "" {
					t.Errorf("%s says too little: %+v", f.ID, f)
				}
				got = append(got, found(f))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// A server does not work without its data, and may work without the rest.
func TestKnownSeverity(t *testing.T) {
	data := evidence.Known{UID: number(999), StartsAsRoot: true, Guarded: true, Data: []string{"/data"}}
	onVolume := data
	onVolume.Volumes = []string{"/data"}
	for name, tt := range map[string]struct {
		known evidence.Known
		want  evidence.Severity
	}{
		"data that is read-only":          {data, evidence.High},
		"data of another user":            {onVolume, evidence.High},
		"a PID file that is read-only":    {evidence.Known{UID: number(999), StartsAsRoot: true, Guarded: true, Writes: []string{"/run/db"}}, evidence.Medium},
		"a configuration of another user": {evidence.Known{UID: number(999), StartsAsRoot: true, Guarded: true, Rewrites: []string{"/etc/db"}, Volumes: []string{"/etc/db"}}, evidence.Medium},
	} {
		tt.known.Image = "docker.io/library/x"
		found := evidence.Judge(hardened(nil), &evidence.Facts{Known: &tt.known})
		if len(found) != 1 || found[0].Severity != tt.want {
			t.Errorf("%s: found %+v, want one finding of %s severity", name, found, tt.want)
		}
	}
}
