// SPDX-License-Identifier: Apache-2.0

//go:build linux

package catalogue

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The settings of profile hardened.
const (
	AllowPrivilegeEscalation = "allowPrivilegeEscalation"
	CapabilitiesDrop         = "capabilities.drop"
	ReadOnlyRootFilesystem   = "readOnlyRootFilesystem"
	RunAsNonRoot             = "runAsNonRoot"
	RunAsUser                = "runAsUser"
	SeccompProfile           = "seccompProfile"
)

// Settings are all of them.
var Settings = []string{AllowPrivilegeEscalation, CapabilitiesDrop, ReadOnlyRootFilesystem, RunAsNonRoot, RunAsUser, SeccompProfile}

// User is what profile hardened says for runAsUser.
const User = 10001

// A Variant is a profile: settings that are filled in where they are unset, by the words of
// the API and by no code of the product.
type Variant struct {
	Settings      []string `json:"settings"`                // in the order of Settings
	User          int64    `json:"user,omitempty"`          // if runAsUser is one of them and this is not 0: another than User
	WritablePaths []string `json:"writablePaths,omitempty"` // where an emptyDir is mounted
}

// With returns the variant of these settings.
func With(settings ...string) Variant {
	return Variant{Settings: slices.DeleteFunc(slices.Clone(Settings), func(s string) bool { return !slices.Contains(settings, s) })}
}

// Without returns the variant of all settings but these.
func Without(settings ...string) Variant {
	return Variant{Settings: slices.DeleteFunc(slices.Clone(Settings), func(s string) bool { return slices.Contains(settings, s) })}
}

// String names the variant: the same text is the same variant.
func (v Variant) String() string {
	left := slices.DeleteFunc(slices.Clone(Settings), func(s string) bool { return slices.Contains(v.Settings, s) })
	parts := []string{"all settings"}
	switch {
	case len(v.Settings) == 0:
		parts[0] = "as it is"
	case len(v.Settings) == 1:
		parts[0] = "only " + v.Settings[0]
	case len(left) > 0:
		parts[0] = "without " + strings.Join(left, ", ")
	}
	if v.User != 0 {
		parts = append(parts, fmt.Sprint("user ", v.User))
	}
	if len(v.WritablePaths) > 0 {
		parts = append(parts, "writable "+strings.Join(v.WritablePaths, ", "))
	}
	return strings.Join(parts, "; ")
}

// Differs returns the settings in which the variant differs from profile hardened.
func (v Variant) Differs() []string {
	return slices.DeleteFunc(slices.Clone(Settings), func(s string) bool {
		return slices.Contains(v.Settings, s) &&
			(s != RunAsUser || v.User == 0) &&
			(s != ReadOnlyRootFilesystem || len(v.WritablePaths) == 0)
	})
}

// Restore returns the variant with one setting as profile hardened has it.
func (v Variant) Restore(setting string) Variant {
	r := With(append(slices.Clone(v.Settings), setting)...)
	r.User, r.WritablePaths = v.User, v.WritablePaths
	switch setting {
	case RunAsUser:
		r.User = 0
	case ReadOnlyRootFilesystem:
		r.WritablePaths = nil
	}
	return r
}

// Apply fills in what is unset.
func (v Variant) Apply(spec *corev1.PodSpec) {
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			v.apply(spec, &containers[i])
		}
	}
}

func (v Variant) apply(spec *corev1.PodSpec, c *corev1.Container) {
	sc, pod := &corev1.SecurityContext{}, &corev1.PodSecurityContext{}
	if c.SecurityContext != nil {
		sc = c.SecurityContext.DeepCopy()
	}
	if spec.SecurityContext != nil {
		pod = spec.SecurityContext
	}
	for _, setting := range v.Settings {
		switch setting {
		case AllowPrivilegeEscalation:
			fill(&sc.AllowPrivilegeEscalation, false)
		case CapabilitiesDrop:
			if sc.Capabilities == nil {
				sc.Capabilities = &corev1.Capabilities{}
			}
			if sc.Capabilities.Drop == nil {
				sc.Capabilities.Drop = []corev1.Capability{"ALL"}
			}
		case ReadOnlyRootFilesystem:
			if fill(&sc.ReadOnlyRootFilesystem, true) {
				v.mount(spec, c)
			}
		case RunAsNonRoot:
			if pod.RunAsNonRoot == nil {
				fill(&sc.RunAsNonRoot, true)
			}
		case RunAsUser:
			user := v.User
			if user == 0 {
				user = User
			}
			if pod.RunAsUser == nil {
				fill(&sc.RunAsUser, user)
			}
		case SeccompProfile:
			if pod.SeccompProfile == nil {
				fill(&sc.SeccompProfile, corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault})
			}
		}
	}
	c.SecurityContext = sc
}

func fill[T any](field **T, value T) (filled bool) {
	if *field == nil {
		*field, filled = &value, true
	}
	return filled
}

// mount has an emptyDir at each of the writable paths that nothing else is mounted at.
func (v Variant) mount(spec *corev1.PodSpec, c *corev1.Container) {
	for i, at := range v.WritablePaths {
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return path.Clean(m.MountPath) == at }) {
			continue
		}
		name := fmt.Sprintf("writable-%s-%d", c.Name, i)
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: at})
	}
}
