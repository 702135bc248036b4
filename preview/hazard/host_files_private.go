// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

var hostFilesPrivate = rule{
	Cause: evidence.Cause{
		ID:       "host-files-private",
		Title:    "Node's files kept by root",
		Settings: words("runAsUser"),
		Severity: evidence.Medium,
		When:     "a `hostPath` mounted read-only that nodes keep for root, such as `/var/log` or a runtime's socket, and the pod has no `supplementalGroups`; `runAsUser` is injected",
		Because:  "most logs, sockets and devices of a node are open to root or a group only",
		Fix:      "set runAsUser: 0 in the manifest; or supplementalGroups to the group that may read them",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || len(podSecurityContext(&p.After.Spec).SupplementalGroups) > 0 {
			return "", ""
		}
		var mounts []string
		for _, m := range p.mountsOf(c.After) {
			// A writable mount is the business of volume-owner.
			if m.Kind != onNode || m.writable() {
				continue
			}
			hostPath := m.Source.HostPath
			isSocket := strings.HasSuffix(hostPath.Path, ".sock") || hostPath.Type != nil && *hostPath.Type == corev1.HostPathSocket
			if isSocket || within(path.Clean(hostPath.Path), keptByRoot) {
				mounts = append(mounts, m.String())
			}
		}
		if len(mounts) == 0 {
			return "", ""
		}
		return fmt.Sprintf("as %s it may not be able to read %s, which nodes keep for root", c.asUser(), few(unique(mounts))), ""
	},
}

// keptByRoot are paths of a node that root keeps for itself, at least with some
// distributions and runtimes.
var keptByRoot = []string{
	"/dev", "/etc/kubernetes", "/root", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/etcd",
	"/var/lib/kubelet", "/var/log",
}
