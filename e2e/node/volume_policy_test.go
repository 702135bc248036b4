// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// A volume whose root fits the author's fsGroup is left alone by OnRootMismatch, which the
// profile adds, while by default the kubelet changes all files in it.
func testFSGroupChangePolicy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		labels map[string]string
		want   string // of a file of the volume
	}{
		"own":   {enforcing("own"), "0:0 0640"},
		"plain": {nil, "0:2000 0660"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o640); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(dir, 0, 2000); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o770|os.ModeSetgid); err != nil {
				t.Fatal(err)
			}
			ns := bedtest.Namespace(t, c, "policy-"+name, test.labels)
			bedtest.Apply(t, c, ns, fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s}
spec:
  capacity: {storage: 1Mi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: %[1]s, name: data}
  local: {path: %[2]s}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  volumeName: %[1]s
  storageClassName: ""
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: policy, labels: {app: policy}}
spec:
  securityContext: {fsGroup: 2000}
  containers:
  - name: app
    image: %[3]s
    args: [-stat=/data/file]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes:
  - {name: data, persistentVolumeClaim: {claimName: data}}
`, ns, dir, cluster.ProbeName))
			t.Cleanup(func() {
				if err := c.Client().CoreV1().PersistentVolumes().Delete(context.Background(), ns, metav1.DeleteOptions{}); err != nil {
					t.Error(err)
				}
			})
			ready(t, ns, "policy")
			if got := report(t, ns, "policy", "app").Files["/data/file"]; got != test.want {
				t.Errorf("the file is %s, want %s", got, test.want)
			}
		})
	}
}
