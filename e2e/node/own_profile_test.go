// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

// A profile is given to a release that is there already, whose replicas are replaced for it.
func TestOwnProfileCountsAfterAnUpgrade(t *testing.T) {
	if err := c.Upgrade(t.Context(), "--set-file=profiles.own.file=testdata/own.yaml"); err != nil {
		t.Fatal(err)
	}
	waitReplicas(t) // Helm does not wait for those before to end, and they do not know it
	t.Run("fields", testOwnFields)
	t.Run("fsGroupChangePolicy", testFSGroupChangePolicy)
	t.Run("writablePaths", testWritablePaths)
	t.Run("sizeLimit", testSizeLimit)
}

// The image has its user in a group, which Strict takes away.
func testOwnFields(t *testing.T) {
	t.Parallel()
	image := c.ProbeImage()
	image.Name = "images.test/grouped:1"
	image.Files = append(image.Files,
		oci.File{Path: "/etc/passwd", Mode: 0o644, Content: []byte("app:x:10001:10001::/:/probe\n")},
		oci.File{Path: "/etc/group", Mode: 0o644, Content: []byte("app:x:10001:\nextra:x:5000:app\n")})
	if err := c.LoadImage(t.Context(), image); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		labels map[string]string
		want   kernel.Report
	}{
		"own": {enforcing("own"), kernel.Report{
			Status: map[string]string{
				"Uid": "10001 10001 10001 10001", "Gid": "3000 3000 3000 3000", "Groups": "2000 3000 4000",
				"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
				"NoNewPrivs": "1", "Seccomp": "2",
			},
			Writes:  map[string]string{"/": "EROFS", "/tmp": "ok", "/data": "ok"},
			Files:   map[string]string{"/data": "0:2000 2777", "/tmp": "0:2000 2777"},
			Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"},
		}},
		// The author's user, so that the image's group counts.
		"plain": {nil, kernel.Report{
			Status: map[string]string{
				"Uid": "10001 10001 10001 10001", "Gid": "10001 10001 10001 10001", "Groups": "5000 10001",
				"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": byDefault, "CapAmb": none,
				"NoNewPrivs": "0", "Seccomp": "0",
			},
			Writes:  map[string]string{"/": "EACCES", "/tmp": "ok", "/data": "ok"},
			Files:   map[string]string{"/data": "0:0 0777", "/tmp": "0:0 1777"},
			Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := bedtest.Namespace(t, c, "own-"+name, test.labels)
			bedtest.Apply(t, c, ns, `
apiVersion: v1
kind: Pod
metadata: {name: own, labels: {app: own}}
spec:
  containers:
  - name: app
    image: images.test/grouped:1
    args: ["-write=/,/tmp,/data", "-stat=/data,/tmp", -sysctl=net.ipv4.ip_unprivileged_port_start]
    securityContext: {runAsUser: 10001}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes:
  - {name: data, emptyDir: {}}
`)
			ready(t, ns, "own")
			if diff := cmp.Diff(test.want, report(t, ns, "own", "app")); diff != "" {
				t.Errorf("the kernel says (-want +got):\n%s", diff)
			}
		})
	}
}
