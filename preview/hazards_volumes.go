// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

var volumeOwner = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "volume-owner",
		Title:   "Volume of another owner",
		When:    "a persistent volume or a `hostPath` is mounted writable, without an `fsGroup` that reaches it; `runAsUser` is injected",
		Because: "its files belong to whoever wrote them before, and a new volume to root; `fsGroup` never reaches `hostPath` and NFS",
		WayOut:  "set fsGroup in the pod's securityContext; for hostPath and NFS set runAsUser to the owner of the files",
	},
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() {
			return "", ""
		}
		pod := podSecurityContext(&change.After.Spec)
		var mounts, ways []string
		for _, m := range change.mountsOf(c.After) {
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
				continue // their author has thought of whom the server lets in
			case m.Kind == remote:
				way = fmt.Sprintf("for %s (which fsGroup does not reach) set runAsUser to the owner, or supplementalGroups to the group, of the files", m.Type)
			case pod.FSGroup != nil:
				continue
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

var volumeLabel = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "volume-label",
		Title:   "Volume relabelled",
		When:    "a persistent volume or a `hostPath` is mounted; `seLinuxOptions` is injected",
		Because: "on nodes with SELinux a volume takes the label of its pod, file by file where it cannot be mounted with it, and pods with another label lose it; a `hostPath` takes none",
		WayOut:  "set seLinuxOptions in the manifest to the label that all the users of the volume have",
	},
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if c.before.label != nil || c.after.label == nil {
			return "", ""
		}
		var mounts []string
		for _, m := range change.mountsOf(c.After) {
			if m.Kind.ownedByOthers() {
				mounts = append(mounts, m.String())
			}
		}
		if len(mounts) == 0 {
			return "", ""
		}
		return "with an SELinux label of its own it may not have access to " + few(unique(mounts)) + ", nor others after it", ""
	},
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
		return false // writable by everybody
	default:
		return !within(p, readByAll)
	}
}

// keptByRoot are paths of a node that root keeps for itself, at least with some
// distributions and runtimes.
var keptByRoot = []string{
	"/dev", "/etc/kubernetes", "/root", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/etcd",
	"/var/lib/kubelet", "/var/log",
}

var hostFilesPrivate = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "host-files-private",
		Title:   "Node's files kept by root",
		When:    "a `hostPath` mounted read-only that nodes keep for root, such as `/var/log` or a runtime's socket, and the pod has no `supplementalGroups`; `runAsUser` is injected",
		Because: "logs, sockets and devices of a node can mostly be read or opened by root or a group alone",
		WayOut:  "set runAsUser: 0 in the manifest; or supplementalGroups to the group that may read them",
	},
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() || len(podSecurityContext(&change.After.Spec).SupplementalGroups) > 0 {
			return "", ""
		}
		var mounts []string
		for _, m := range change.mountsOf(c.After) {
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

var deviceOwner = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "device-owner",
		Title:   "Block device of root",
		When:    "a container has `volumeDevices`; `runAsUser` is injected",
		Because: "the device in the container belongs to root, unless the runtime is configured with `device_ownership_from_security_context`",
		WayOut:  "set runAsUser: 0 in the manifest, or configure the runtime of the nodes with device_ownership_from_security_context",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() || len(c.After.VolumeDevices) == 0 {
			return "", ""
		}
		var devices []string
		for _, d := range c.After.VolumeDevices {
			devices = append(devices, d.DevicePath)
		}
		return fmt.Sprintf("as %s it may not be able to open the block device %s, which belongs to root", c.asUser(), few(devices)), ""
	},
}

// The kubelet hands a volume with fsGroup to that group; this is what the
// profile asks for, at a price.
var fsGroupSlow = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "fs-group-slow",
		Title:   "Slow start with big volumes",
		When:    "`fsGroup` is injected without `fsGroupChangePolicy: OnRootMismatch`, and the pod has a persistent volume",
		Because: "the kubelet changes the group of every file in the volume, each time that a pod starts",
		WayOut:  "give the profile fsGroupChangePolicy: OnRootMismatch beside fsGroup",
	},
	OfPod: func(c *change) (what, wayOut string) {
		before, after := podSecurityContext(&c.Before.Spec), podSecurityContext(&c.After.Spec)
		policy := after.FSGroupChangePolicy
		if before.FSGroup != nil || after.FSGroup == nil || policy != nil && *policy == corev1.FSGroupChangeOnRootMismatch {
			return "", ""
		}
		var volumes []string
		for _, container := range allContainers(&c.After.Spec) {
			for _, m := range c.mountsOf(container) {
				if m.Kind == claimed && !m.ReadOnly {
					volumes = append(volumes, fmt.Sprintf("%s %q", m.Type, m.Name))
				}
			}
		}
		if len(volumes) == 0 {
			return "", ""
		}
		return fmt.Sprintf("whenever the pod starts the kubelet gives every file in %s to group %d, which can take long",
			listed(unique(volumes)), *after.FSGroup), ""
	},
}

// within says whether the path is one of the directories or lies below one.
func within(p string, directories []string) bool {
	for _, d := range directories {
		if p == d || strings.HasPrefix(p, d+"/") {
			return true
		}
	}
	return false
}
