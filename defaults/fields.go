// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// catalogue places every field of core/v1 SecurityContext and
// PodSecurityContext, in the order of their names, which is the order of
// decisions and patches too. A test walks the API's types and fails when
// Kubernetes adds a field that is not placed here.
var catalogue = numbered(
	allowPrivilegeEscalation,
	appArmorProfile,
	// A container starts with the capabilities of its runtime; more of them never
	// harden it, so no profile may give any.
	&Field{Name: "capabilities.add", Levels: ContainerLevel, OS: Linux, AuthorOnly: true},
	capabilitiesDrop,
	fsGroup,
	&Field{Name: "fsGroupChangePolicy", Levels: PodLevel, OS: Linux, Values: oneOf(corev1.FSGroupChangeOnRootMismatch, corev1.FSGroupChangeAlways)},
	&Field{Name: "privileged", Levels: ContainerLevel, OS: Linux, Values: onlyFalse},
	&Field{Name: "procMount", Levels: ContainerLevel, OS: Linux, Values: oneOf(corev1.DefaultProcMount)},
	readOnlyRootFilesystem,
	runAsGroup,
	runAsNonRoot,
	runAsUser,
	&Field{Name: "seLinuxChangePolicy", Levels: PodLevel, OS: Linux, Values: oneOf(corev1.SELinuxChangePolicyMountOption, corev1.SELinuxChangePolicyRecursive)},
	seLinuxOptions,
	seccompProfile,
	supplementalGroups,
	&Field{Name: "supplementalGroupsPolicy", Levels: PodLevel, OS: Linux, Values: oneOf(corev1.SupplementalGroupsPolicyStrict, corev1.SupplementalGroupsPolicyMerge)},
	sysctls,
	windowsOptions,
)

var readOnlyRootFilesystem = &Field{Name: "readOnlyRootFilesystem", Levels: ContainerLevel, OS: Linux, Values: onlyTrue}

// Fields returns the catalogue: every field of the two security contexts, in
// patch order.
func Fields() []*Field { return slices.Clone(catalogue) }

// FieldByName returns the field of a name, or nil if there is none.
func FieldByName(name string) *Field { return fieldByName[name] }

var fieldByName = func() map[string]*Field {
	byName := map[string]*Field{}
	for _, f := range catalogue {
		byName[f.Name] = f
	}
	return byName
}()
