// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// showProc mounts a second /proc. The kernel lets pods with a user namespace have theirs only
// where there is one that nothing is mounted over, and the machine has files over settings
// of its own.
func showProc(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("proc", dir, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// nodeProperties says what is true of the node, of "with AppArmor", "without AppArmor" and
// so on. The empty one is true of all.
func nodeProperties(t *testing.T) map[string]bool {
	t.Helper()
	node, err := c.Client().CoreV1().Nodes().Get(t.Context(), controlplane.NodeName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	users := false // of the runtime's default handler
	for _, handler := range node.Status.RuntimeHandlers {
		if f := handler.Features; handler.Name == "" && f != nil && f.UserNamespaces != nil {
			users = *f.UserNamespaces
		}
	}
	_, err = os.Stat("/sys/fs/selinux/enforce")
	seLinux := err == nil
	enabled, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled") // it is not there without
	appArmor := string(enabled) == "Y\n"

	properties := map[string]bool{"": true}
	for name, has := range map[string]bool{"AppArmor": appArmor, "SELinux": seLinux, "user namespaces": users} {
		properties["with "+name], properties["without "+name] = has, !has
	}
	return properties
}
