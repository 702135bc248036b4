// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Which ports need a capability is a property of the network namespace: containerd since 2.0
// (enable_unprivileged_ports) and Docker since 20.10 open all of them in a pod's own;
// containerd 1 does so only where it is configured to. CRI-O depends on its configuration.
// None does in the node's network.
var lowPort = &Cause{
	ID:       "low-port",
	Title:    "Port below 1024",
	Settings: []string{runAsUser},
	When: "a `containerPort` or an exposed port of the image is below 1024, and the container gets a user other than root, or root loses NET_BIND_SERVICE. " +
		"It is found with `hostNetwork`, and where the nodes have containerd 1 (by the Nodes among the inputs, or `--runtime`)",
	Because: "the port needs NET_BIND_SERVICE: with `hostNetwork`, and with containerd 1 unless it is configured otherwise; " +
		"containerd 2 and Docker open all ports in a pod's own network",
	Fix: `let it listen on a port above 1023, or open low ports with the pod's ` + LowPortSysctl,
}

// LowPortSysctl is the setting of a pod with which every port needs no capability.
const LowPortSysctl = `sysctl {name: net.ipv4.ip_unprivileged_port_start, value: "0"}`

const netBindService = "NET_BIND_SERVICE"

// judgePorts returns the finding for ports that the container may not open.
func judgePorts(c *Container, f *Facts) []Finding {
	refuses := RefusesLowPorts(f.Runtime)
	ports, item := c.lowPorts(f)
	if len(ports) == 0 || c.After.Privileged || !c.HostNetwork && !refuses {
		return nil
	}
	given := profiledOf(c)
	finding := Finding{ID: lowPort.ID, Container: c.Name, Verdict: Risk, Severity: Medium, Fix: lowPort.Fix}
	names := portNames(ports)
	switch {
	case given.user && *c.After.User != 0 && !holds(c.After.Add, netBindService) && wasRoot(c, f):
		finding.Settings = []string{runAsUser}
		finding.What = fmt.Sprintf("as user %d it may be refused %s", *c.After.User, names)
		if c.HostNetwork {
			finding.Fix = "let it listen on a port above 1023, or set runAsUser: 0 and capabilities: {add: [NET_BIND_SERVICE]} in the manifest"
		}
	case given.drop && c.staysRoot(f) && losesNetBind(c):
		finding.Settings = []string{capabilitiesDrop}
		finding.What = fmt.Sprintf("without the capability NET_BIND_SERVICE even root may be refused %s", names)
		finding.Fix = "add NET_BIND_SERVICE to capabilities.add in the manifest"
		finding.Exception = &Exception{Add: []string{netBindService}}
	default:
		return nil
	}
	if c.HostNetwork {
		finding.What += ", as it opens it in the node's network, where ports below 1024 need NET_BIND_SERVICE unless the node is configured otherwise"
	} else {
		finding.What += ": the runtime of the nodes is " + f.Runtime
		finding.Evidence = append(finding.Evidence, Item{Source: FromStatus, Text: "the runtime of the nodes is " + f.Runtime, Where: "status.nodeInfo.containerRuntimeVersion"})
	}
	finding.Evidence = append([]Item{item}, finding.Evidence...)
	return []Finding{finding}
}

// RefusesLowPorts reports whether a runtime, such as containerd://1.7.29, is known to keep
// ports below 1024 for processes with NET_BIND_SERVICE.
func RefusesLowPorts(runtime string) bool { return strings.HasPrefix(runtime, "containerd://1.") }

// lowPorts returns the ports that need a capability, with what tells them: those of the
// manifest, else those that the image exposes, else those of a well-known image.
func (c *Container) lowPorts(f *Facts) (ports []int, item Item) {
	from := func(all []int) {
		for _, p := range all {
			if p > 0 && p < min(c.PortStart, 1024) {
				ports = append(ports, p)
			}
		}
		slices.Sort(ports)
		ports = slices.Compact(ports)
	}
	switch {
	case len(c.Ports) > 0:
		from(c.Ports)
		item = Item{Source: FromManifest, Text: "its manifest has the " + portNames(ports)}
	case f.Image != nil:
		var exposed []int
		for _, text := range f.Image.Config.ExposedPorts {
			number, _, _ := strings.Cut(text, "/")
			if p, err := strconv.Atoi(number); err == nil {
				exposed = append(exposed, p)
			}
		}
		from(exposed)
		item = Item{Source: FromImage, Text: "its image exposes the " + portNames(ports), Where: f.Image.Digest}
	case f.Known != nil:
		from(f.Known.LowPorts)
		item = Item{Source: FromKnown, Text: f.Known.Image + " listens on the " + portNames(ports), Where: f.Known.source()}
	}
	return ports, item
}

// portNames names ports: "port 80", "ports 80 and 443".
func portNames(ports []int) string {
	var names []string
	for _, p := range ports {
		names = append(names, strconv.Itoa(p))
	}
	if len(names) < 2 {
		return "port " + strings.Join(names, "")
	}
	return "ports " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// wasRoot reports whether the container may run as root as its manifest is.
func wasRoot(c *Container, f *Facts) bool {
	if f.Image == nil || c.Before.User != nil {
		return c.Before.User == nil || *c.Before.User == 0
	}
	name, _, _ := strings.Cut(f.Image.Config.User, ":")
	return name == "" || name == "0" || name == "root"
}

// MayStartAsRoot reports whether the container may start as root as its manifest is, as far
// as the image, the live status or public facts tell.
func MayStartAsRoot(c *Container, f *Facts) bool {
	switch {
	case f.Image != nil || c.Before.User != nil:
	case f.Status != nil && f.Status.User != nil:
		return f.Status.User.UID == 0
	case f.Known.Tells(c):
		uid := f.Known.imageUID()
		return uid == nil || *uid == 0
	}
	return wasRoot(c, f)
}

// staysRoot reports whether the container runs as root, or as the user of its image where
// nothing keeps that from being root.
func (c *Container) staysRoot(f *Facts) bool {
	if c.After.User != nil {
		return *c.After.User == 0
	}
	return (c.After.NonRoot == nil || !*c.After.NonRoot) && wasRoot(c, f)
}

func losesNetBind(c *Container) bool {
	s := c.After
	return !slices.Contains(bounding(&s), netBindService) && slices.Contains(bounding(&c.Before), netBindService)
}
