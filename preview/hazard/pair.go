// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

// A Pair is a pod as its manifest has it, and as it would be with a profile.
type Pair struct {
	Before, After  *corev1.PodTemplateSpec // After is Before with what the profile injects
	ClaimTemplates map[string]bool         // names of the volumes that a StatefulSet's volumeClaimTemplates make
	Windows        bool                    // the pod is for Windows nodes, as package defaults sees it
}

// A containerPair is one container before and after.
type containerPair struct {
	Before, After *corev1.Container
	before, after settings
}

// settings are the effective security settings of a container: its own, else
// those that it inherits from the pod. Nil is unset.
type settings struct {
	user, group              *int64
	nonRoot                  *bool
	userName                 *string // on Windows
	allowPrivilegeEscalation *bool
	readOnlyRoot             *bool
	privileged               bool
	add, drop                []string // capabilities, spelt as the manifest does
	seccomp                  *corev1.SeccompProfile
	appArmor                 *corev1.AppArmorProfile
	label                    *corev1.SELinuxOptions
}

// containers pairs the containers of both sides: init, regular, ephemeral.
func (p *Pair) containers() []containerPair {
	before, after := allContainers(&p.Before.Spec), allContainers(&p.After.Spec)
	pairs := make([]containerPair, 0, len(after))
	for i := range min(len(before), len(after)) {
		pairs = append(pairs, containerPair{
			Before: before[i],
			After:  after[i],
			before: effective(&p.Before.Spec, before[i]),
			after:  effective(&p.After.Spec, after[i]),
		})
	}
	return pairs
}

func allContainers(spec *corev1.PodSpec) []*corev1.Container {
	var all []*corev1.Container
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	for i := range spec.EphemeralContainers {
		// The API keeps the two types convertible for exactly this.
		all = append(all, (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return all
}

func effective(spec *corev1.PodSpec, container *corev1.Container) settings {
	pod, own := podSecurityContext(spec), container.SecurityContext
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	s := settings{
		user:                     cmp.Or(own.RunAsUser, pod.RunAsUser),
		group:                    cmp.Or(own.RunAsGroup, pod.RunAsGroup),
		nonRoot:                  cmp.Or(own.RunAsNonRoot, pod.RunAsNonRoot),
		allowPrivilegeEscalation: own.AllowPrivilegeEscalation,
		readOnlyRoot:             own.ReadOnlyRootFilesystem,
		privileged:               isTrue(own.Privileged),
		seccomp:                  cmp.Or(own.SeccompProfile, pod.SeccompProfile),
		appArmor:                 cmp.Or(own.AppArmorProfile, pod.AppArmorProfile),
		label:                    cmp.Or(own.SELinuxOptions, pod.SELinuxOptions),
	}
	for _, options := range []*corev1.WindowsSecurityContextOptions{own.WindowsOptions, pod.WindowsOptions} {
		if options != nil {
			s.userName = cmp.Or(s.userName, options.RunAsUserName)
		}
	}
	if own.Capabilities != nil {
		for _, capability := range own.Capabilities.Add {
			s.add = append(s.add, string(capability))
		}
		for _, capability := range own.Capabilities.Drop {
			s.drop = append(s.drop, string(capability))
		}
	}
	return s
}

func podSecurityContext(spec *corev1.PodSpec) *corev1.PodSecurityContext {
	if spec.SecurityContext == nil {
		return &corev1.PodSecurityContext{}
	}
	return spec.SecurityContext
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }

// newUser reports whether we give the container a user, in place of the image's.
func (c *containerPair) newUser() bool {
	return c.before.user == nil && c.after.user != nil && *c.after.user != 0
}

// staysRoot reports whether the container runs as root, or as the user of its
// image where nothing keeps that from being root.
func (c *containerPair) staysRoot() bool {
	if c.after.user != nil {
		return *c.after.user == 0
	}
	return !isTrue(c.after.nonRoot)
}

// dropsNow returns the capabilities that we drop, as the profile spells them.
func (c *containerPair) dropsNow() []string {
	if c.after.privileged || len(c.before.drop) > 0 {
		return nil
	}
	return c.after.drop
}

// loses reports whether we take the capability away, named without CAP_.
func (c *containerPair) loses(capability string) bool {
	dropped := c.dropsNow()
	return (holds(dropped, "ALL") || holds(dropped, capability)) && !holds(c.after.add, capability)
}

// holds reports whether a list of capabilities has this one. As runtimes do it leaves case
// aside; and not the prefix CAP_, with which containerd knows none.
func holds(list []string, capability string) bool {
	return evidence.HasCapability(list, capability)
}

// stopsEscalation reports whether we keep the container's programs from gaining
// rights by being run.
func (c *containerPair) stopsEscalation() bool {
	return c.before.allowPrivilegeEscalation == nil && isFalse(c.after.allowPrivilegeEscalation)
}

// asUser names the user that a container would run as.
func (c *containerPair) asUser() string { return fmt.Sprintf("user %d", *c.after.user) }
