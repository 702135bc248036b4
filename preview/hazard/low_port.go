// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

// Which ports need a capability is a property of the network namespace:
// containerd since 2.0 (enable_unprivileged_ports) and Docker since 20.10 open all
// of them in a pod's own; containerd 1 and CRI-O do so only where they are
// configured to, and none does in the node's.
var lowPort = rule{
	Info: Info{
		ID:       "low-port",
		Title:    "Port below 1024",
		Settings: words("runAsUser"),
		Severity: evidence.Low,
		When: "a `containerPort` below 1024; the container gets a user other than root, or root loses NET_BIND_SERVICE; " +
			"and no sysctl of the pod opens the port",
		Because: "the port may need NET_BIND_SERVICE: always with `hostNetwork`, and else by the runtime " +
			"(not with containerd 2 or Docker; with containerd 1 and CRI-O unless they are configured otherwise)",
		Fix: "let it listen on a port above 1023, or open low ports with the pod's " + lowPortSysctl,
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		spec := &p.After.Spec
		ports := portsBelow(c.After, unprivilegedPortStart(spec))
		switch {
		case ports == "", c.after.privileged:
			return "", ""
		case c.newUser() && !holds(c.after.add, "NET_BIND_SERVICE"):
			what = fmt.Sprintf("as %s it may be refused %s", c.asUser(), ports)
		case c.staysRoot() && c.loses("NET_BIND_SERVICE"):
			what = fmt.Sprintf("without the capability NET_BIND_SERVICE even root may be refused %s", ports)
			fix = "add NET_BIND_SERVICE to capabilities.add in the manifest"
		default:
			return "", ""
		}
		if spec.HostNetwork {
			what += ", as it opens it in the node's network, where ports below 1024 need NET_BIND_SERVICE unless the node is configured otherwise"
			if fix == "" {
				fix = "let it listen on a port above 1023, or set runAsUser: 0 and capabilities: {add: [NET_BIND_SERVICE]} in the manifest"
			}
			return what, fix
		}
		return what + ": containerd 2 and Docker let everybody open low ports, containerd 1 and CRI-O do not unless they are configured to", fix
	},
}

// sysctlName spells a sysctl with dots: slashes are allowed too.
func sysctlName(s corev1.Sysctl) string { return strings.ReplaceAll(s.Name, "/", ".") }

const (
	portStartSysctl = "net.ipv4.ip_unprivileged_port_start"
	lowPortSysctl   = `sysctl {name: ` + portStartSysctl + `, value: "0"}`

	defaultPortStart = 1024 // the kernel's, in a new network namespace too
)

// unprivilegedPortStart is the first port that needs no capability, by the
// pod's own sysctls.
func unprivilegedPortStart(spec *corev1.PodSpec) int32 {
	for _, sysctl := range podSecurityContext(spec).Sysctls {
		if sysctlName(sysctl) != portStartSysctl {
			continue
		}
		if start, err := strconv.ParseInt(sysctl.Value, 10, 32); err == nil {
			return int32(start)
		}
	}
	return defaultPortStart
}

// portsBelow names the container's ports below the one given: "port 80",
// "ports 80 and 443", or nothing.
func portsBelow(container *corev1.Container, start int32) string {
	var ports []int
	for _, p := range container.Ports {
		if p.ContainerPort > 0 && p.ContainerPort < min(start, defaultPortStart) {
			ports = append(ports, int(p.ContainerPort))
		}
	}
	slices.Sort(ports)
	var names []string
	for _, p := range slices.Compact(ports) {
		names = append(names, strconv.Itoa(p))
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "port " + names[0]
	}
	return "ports " + listed(names)
}
