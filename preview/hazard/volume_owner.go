// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

var volumeOwner = rule{
	Cause: evidence.Cause{
		ID:       "volume-owner",
		Title:    "Volume of another owner",
		Settings: words("runAsUser"),
		Severity: evidence.High,
		When:     "a persistent volume or a `hostPath` is mounted writable, without an `fsGroup` that reaches it; `runAsUser` is injected",
		Because:  "its files belong to the user that wrote them, and a new volume belongs to root; `fsGroup` has no effect on `hostPath` and NFS",
		Fix:      "set fsGroup in the pod's securityContext; for hostPath and NFS set runAsUser to the owner of the files",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() {
			return "", ""
		}
		pod := podSecurityContext(&p.After.Spec)
		var mounts, ways []string
		for _, m := range p.mountsOf(c.After) {
			var way string
			switch {
			case !m.writable() || !m.Kind.ownedByOthers():
				continue
			case m.Kind == onNode && !writtenByRootOnly(m.Source.HostPath.Path):
				continue
			case m.Kind == onNode:
				way = "for hostPath (which fsGroup does not reach) set runAsUser to the owner on the node, 0 where that is root, " +
					"or mount it readOnly: true if it only reads"
			case m.Kind == remote && len(pod.SupplementalGroups) > 0:
				continue // the manifest names the groups that the server lets in
			case m.Kind == remote:
				way = fmt.Sprintf("for %s (which fsGroup does not reach) set runAsUser to the owner, or supplementalGroups to the group, of the files", m.Type)
			case pod.FSGroup != nil:
				continue
			case checksMode(c.After, m.Mount.MountPath) != "":
				way = fmt.Sprintf("set runAsUser to the owner of the files: an fsGroup does not help, as %s", checksMode(c.After, m.Mount.MountPath))
			default:
				way = fmt.Sprintf("set fsGroup: %d and fsGroupChangePolicy: OnRootMismatch in the pod's securityContext (shared file systems may ignore it)", *c.after.user)
			}
			mounts, ways = append(mounts, m.String()), append(ways, way)
		}
		if len(mounts) == 0 {
			return "", ""
		}
		return fmt.Sprintf("as %s it may not be able to write to %s", c.asUser(), few(unique(mounts))), strings.Join(unique(ways), "; ")
	},
}

// checksMode returns what a server asks of its directory that an fsGroup does not give: the
// kubelet opens the volume to a group, and leaves it to its owner. "" is for servers that do
// not ask.
func checksMode(c *corev1.Container, mount string) string {
	name, _, _ := strings.Cut(path.Base(c.Image), "@")
	name, _, _ = strings.Cut(name, ":")
	asks := func(names ...string) bool {
		return slices.Contains(names, name) || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(mount, "/"+n) })
	}
	switch {
	case asks("postgres", "postgresql", "postgis", "pgvector", "timescaledb", "pgdata"):
		return "PostgreSQL refuses a directory that belongs to another user, or that a group may write"
	case asks("rabbitmq"):
		return "RabbitMQ refuses a cookie that a group may read"
	}
	return ""
}

// readByAll are paths that every node has, that only its root writes, and that
// containers mount to read, very often without saying readOnly. In a directory
// that everybody may write to, an owner does not matter.
var readByAll = []string{
	"/boot", "/lib/modules", "/usr/lib/modules", "/usr/src", "/usr/share", "/proc", "/sys",
	"/etc/localtime", "/etc/timezone", "/etc/os-release", "/etc/machine-id", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/passwd", "/etc/group",
}

func writtenByRootOnly(hostPath string) bool {
	switch p := path.Clean(hostPath); p {
	case "/tmp", "/var/tmp", "/dev/shm", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom":
		return false // writable by every user
	default:
		return !within(p, readByAll)
	}
}
