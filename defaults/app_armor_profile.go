// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// appArmorProfile confines the container with an AppArmor profile of its node.
//
// Field: spec.securityContext.appArmorProfile and
// spec.containers[*].securityContext.appArmorProfile, and of init and ephemeral
// containers.
//
// Hardened values: RuntimeDefault, or a Localhost profile.
//
// Inherited from: the pod.
//
// Conflicts: a privileged container runs unconfined whatever the field says; and where
// there is no AppArmor, the kubelet refuses every pod that asks for it (isRequired in
// kubernetes/pkg/security/apparmor does not look at privileged).
// The annotation from before 1.30 is still turned into the container's field where
// that is unset (applyAppArmorVersionSkew in kubernetes/pkg/registry/core/pod): it
// is the author's word, whatever it says. A field that disagrees with it is refused
// (validateAppArmorAnnotationsAndFieldsMatchOnCreate). A container whose annotation
// has become its field inherits nothing; where the annotation makes no valid field,
// what the container inherits is refused.
var appArmorProfile = &Field{
	Name:   "appArmorProfile",
	Levels: ContainerLevel | PodLevel,
	OS:     Linux,
	Values: Values{
		"{type: RuntimeDefault}, or {type: Localhost, localhostProfile: NAME} with a profile that is loaded on every node",
		func(typed any) bool {
			p := typed.(*corev1.AppArmorProfile)
			if p.Type == corev1.AppArmorProfileTypeRuntimeDefault {
				return p.LocalhostProfile == nil
			}
			return p.Type == corev1.AppArmorProfileTypeLocalhost && p.LocalhostProfile != nil && isAppArmorName(*p.LocalhostProfile)
		},
	},
	Conflicts: []Conflict{
		{
			Reason:      Privileged,
			When:        "`privileged: true`",
			Because:     "no effect: the container runs unconfined; and a node without AppArmor would refuse the pod",
			InContainer: isPrivileged,
			NoEffect:    true,
		},
		{
			Reason:  LegacyAnnotation,
			When:    "the annotation `container.apparmor.security.beta.kubernetes.io/<container>` is set (for a pod-level default: to what makes no valid field)",
			Because: "the API server turns it into the field, and refuses a field that disagrees",
			InContainer: func(pod *Pod, c *Container, _ Value) bool {
				_, found := pod.Annotations[corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix+c.Name]
				return found
			},
			Inherited: func(pod *Pod, c *Container, _ Value) bool {
				annotation, found := pod.Annotations[corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix+c.Name]
				return found && !makesField(annotation)
			},
		},
	},
}

// isAppArmorName mirrors ValidateAppArmorProfileField of
// kubernetes/pkg/apis/core/validation.
func isAppArmorName(name string) bool {
	return name != "" && strings.TrimSpace(name) == name && len(name) < 4096
}

// makesField reports whether the API server turns an annotation into a field
// (ApparmorFieldForAnnotation in kubernetes/pkg/api/pod).
func makesField(annotation string) bool {
	name, local := strings.CutPrefix(annotation, corev1.DeprecatedAppArmorBetaProfileNamePrefix)
	return annotation == corev1.DeprecatedAppArmorBetaProfileRuntimeDefault ||
		annotation == corev1.DeprecatedAppArmorBetaProfileNameUnconfined || local && isAppArmorName(name)
}
