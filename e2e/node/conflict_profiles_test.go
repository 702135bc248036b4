// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// conflictProfiles have, beside a setting that can conflict, one that cannot: a root
// file system that is read-only says that a webhook was there.
var conflictProfiles = map[string]string{
	"app-armor":     `container: {appArmorProfile: {type: RuntimeDefault}, readOnlyRootFilesystem: true}`,
	"app-armor-pod": `container: {readOnlyRootFilesystem: true}, pod: {appArmorProfile: {type: RuntimeDefault}}`,
	"drop-all":      `container: {capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}`,
	"drop-two":      `container: {capabilities: {drop: [NET_RAW, MKNOD]}, readOnlyRootFilesystem: true}`,
	"fs-group":      `container: {readOnlyRootFilesystem: true}, pod: {fsGroup: 65536}`,
	"group":         `container: {readOnlyRootFilesystem: true, runAsGroup: 65536}`,
	"group-pod":     `container: {readOnlyRootFilesystem: true}, pod: {runAsGroup: 10001}`,
	"groups":        `container: {readOnlyRootFilesystem: true}, pod: {supplementalGroups: [65536]}`,
	"non-root-pod":  `container: {readOnlyRootFilesystem: true}, pod: {runAsNonRoot: true}`,
	"ping":          `container: {readOnlyRootFilesystem: true}, pod: {sysctls: [{name: net.ipv4.ping_group_range, value: "0 65536"}]}`,
	"se-linux":      `container: {readOnlyRootFilesystem: true, seLinuxOptions: {level: "s0:c1,c2"}}`,
	"seccomp":       `container: {readOnlyRootFilesystem: true, seccompProfile: {type: RuntimeDefault}}`,
	"seccomp-pod":   `container: {readOnlyRootFilesystem: true}, pod: {seccompProfile: {type: RuntimeDefault}}`,
	"sysctls":       `container: {readOnlyRootFilesystem: true}, pod: {sysctls: [{name: net.ipv4.tcp_syncookies, value: "0"}, {name: kernel.shm_rmid_forced, value: "1"}]}`,
	"user-last":     `container: {readOnlyRootFilesystem: true, runAsUser: 65535}`,
	"user":          `container: {readOnlyRootFilesystem: true, runAsUser: 65536}`,
}

// installProfiles gives the chart the profiles of the cases until the test ends, and
// returns them with the built-in ones, as files, by their names.
func installProfiles(t *testing.T) map[string]string {
	t.Helper()
	profiles, dir := map[string]string{}, t.TempDir()
	for _, name := range []string{"hardened", "restricted"} {
		text, err := os.ReadFile(repositoryFile(t, "defaults", "profile", "builtin", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		profiles[name] = string(text)
	}
	var values []string
	for name, spec := range conflictProfiles {
		profiles[name] = fmt.Sprintf("apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: %s}\nspec: {%s}\n", name, spec)
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(profiles[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		values = append(values, "--set-file=profiles."+name+".file="+file)
	}
	slices.Sort(values)
	if err := c.Upgrade(t.Context(), values...); err != nil {
		t.Fatal(err)
	}
	waitReplicas(t) // Helm does not wait for those before to end, and they do not know them
	t.Cleanup(func() {
		if _, err := c.Helm(context.Background(), "rollback", "caseharden", "--namespace="+release.Namespace, "--wait"); err != nil {
			t.Error(err)
		}
	})
	return profiles
}

// repositoryFile returns the path of a file of the repository.
func repositoryFile(t *testing.T, path ...string) string {
	t.Helper()
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, path...)...)
}
