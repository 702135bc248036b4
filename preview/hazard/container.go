// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/shell"
)

// evidenceOf returns a container of the pair in the form in which it is judged.
func (p *Pair) evidenceOf(c *containerPair) evidence.Container {
	pod := podSecurityContext(&p.After.Spec)
	e := evidence.Container{
		Name: c.After.Name, Image: c.After.Image,
		Command: c.After.Command, Args: c.After.Args, WorkingDir: c.After.WorkingDir,
		Before: c.before.evidence(), After: c.after.evidence(),
		Groups: pod.SupplementalGroups, HostNetwork: p.After.Spec.HostNetwork,
		PortStart: int(unprivilegedPortStart(&p.After.Spec)), OpenEnv: len(c.After.EnvFrom) > 0,
		Sandboxed: p.After.Spec.RuntimeClassName != nil || isFalse(p.After.Spec.HostUsers),
	}
	if pod.FSGroup != nil {
		e.Groups = append(e.Groups[:len(e.Groups):len(e.Groups)], *pod.FSGroup)
	}
	if policy := pod.SupplementalGroupsPolicy; policy != nil {
		e.StrictGroups = *policy == corev1.SupplementalGroupsPolicyStrict
	}
	for _, port := range c.After.Ports {
		e.Ports = append(e.Ports, int(port.ContainerPort))
	}
	for _, v := range c.After.Env {
		if e.Env == nil {
			e.Env = map[string]string{}
		}
		e.Env[v.Name] = v.Value
		if v.ValueFrom != nil || strings.Contains(v.Value, "$(") {
			e.Env[v.Name] = shell.Anything // only the cluster knows it
		}
	}
	before := map[string]bool{}
	for _, m := range c.Before.VolumeMounts {
		before[m.MountPath] = true
	}
	for _, m := range p.mountsOf(c.After) {
		e.Mounts = append(e.Mounts, evidence.Mount{
			Path: path.Clean("/" + m.Mount.MountPath), Writable: m.writable(), Profile: !before[m.Mount.MountPath],
		})
	}
	return e
}

// evidence returns settings in the form in which they are judged.
func (s *settings) evidence() evidence.Security {
	return evidence.Security{
		User: s.user, Group: s.group, NonRoot: s.nonRoot, Privileged: s.privileged,
		NoNewPrivs: isFalse(s.allowPrivilegeEscalation), ReadOnlyRoot: isTrue(s.readOnlyRoot),
		Add: s.add, Drop: s.drop,
	}
}
