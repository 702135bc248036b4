// SPDX-License-Identifier: Apache-2.0

package defaults

import "slices"

// catalogue places every field of core/v1 SecurityContext and
// PodSecurityContext, in the order of their names, which is the order of
// decisions and patches too. A test walks the API's types and fails when
// Kubernetes adds a field that is not placed here.
var catalogue = numbered(
	allowPrivilegeEscalation,
	appArmorProfile,
	// A container starts with the capabilities of its runtime; more of them never
	// harden it.
	&Field{Name: "capabilities.add", Levels: ContainerLevel, OS: Linux, AuthorOnly: true},
	capabilitiesDrop,
	&Field{Name: "fsGroup", Levels: PodLevel, OS: Linux},
	&Field{Name: "fsGroupChangePolicy", Levels: PodLevel, OS: Linux},
	&Field{Name: "privileged", Levels: ContainerLevel, OS: Linux},
	&Field{Name: "procMount", Levels: ContainerLevel, OS: Linux},
	&Field{Name: "readOnlyRootFilesystem", Levels: ContainerLevel, OS: Linux},
	&Field{Name: "runAsGroup", Levels: ContainerLevel | PodLevel, OS: Linux},
	runAsNonRoot,
	&Field{Name: "runAsUser", Levels: ContainerLevel | PodLevel, OS: Linux},
	&Field{Name: "seLinuxChangePolicy", Levels: PodLevel, OS: Linux},
	&Field{Name: "seLinuxOptions", Levels: ContainerLevel | PodLevel, OS: Linux},
	seccompProfile,
	&Field{Name: "supplementalGroups", Levels: PodLevel, OS: Linux},
	&Field{Name: "supplementalGroupsPolicy", Levels: PodLevel, OS: Linux},
	sysctls,
	windowsOptions,
)

// Fields returns the catalogue: every field of the two security contexts, in
// patch order.
func Fields() []*Field { return slices.Clone(catalogue) }

var fieldByName = func() map[string]*Field {
	byName := map[string]*Field{}
	for _, f := range catalogue {
		byName[f.Name] = f
	}
	return byName
}()
