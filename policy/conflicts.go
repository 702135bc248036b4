// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
)

// A conflict is a defaults.Conflict in CEL. Its functions stand for those of the same name, and
// return the condition for a value. In the container c, bare says that it has no
// securityContext; else c.securityContext is set. An empty condition never holds.
type conflict struct {
	reason      defaults.Reason
	inContainer func(s *scope, bare bool, v defaults.Value) string
	inherited   func(s *scope, bare bool, v defaults.Value) string
	onPod       func(s *scope, v defaults.Value) string
}

// conflictsOf returns the conflicts of a field, in the order of its own.
func conflictsOf(f *defaults.Field) []conflict { return conflictsByField()[f.Name] }

func conflictsByField() map[string][]conflict {
	return map[string][]conflict{
		"allowPrivilegeEscalation": {
			{reason: defaults.Privileged, inContainer: isPrivileged},
			{reason: defaults.AddsCapSysAdmin, inContainer: inContext(quote("CAP_SYS_ADMIN") + " in " + added)},
		},
		"appArmorProfile": {
			{reason: defaults.Privileged, inContainer: isPrivileged},
			{
				reason: defaults.LegacyAnnotation,
				inContainer: func(*scope, bool, defaults.Value) string {
					return "(" + quote(corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix) + " + c.name) in variables.annotations"
				},
				inherited: func(*scope, bool, defaults.Value) string {
					key := quote(corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix) + " + c.name"
					return "(" + key + ") in variables.annotations && !(" + makesField("variables.annotations["+key+"]") + ")"
				},
			},
		},
		"capabilities.drop": {
			{reason: defaults.Privileged, inContainer: isPrivileged},
			{reason: defaults.AddsAllCapabilities, inContainer: inContext(added + `.exists(added, added.upperAscii() == "ALL")`)},
			{reason: defaults.AddsWhatIsDropped, inContainer: func(_ *scope, bare bool, v defaults.Value) string {
				if bare {
					return ""
				}
				var names []string
				for _, c := range v.Typed.([]corev1.Capability) {
					if !strings.EqualFold(string(c), "ALL") {
						names = append(names, string(c))
					}
				}
				return fmt.Sprintf(`%s.exists(added, added.upperAscii().matches("^(CAP_)?(%s)$"))`, added, strings.Join(names, "|"))
			}},
		},
		"fsGroup": {beyondUserNamespace},
		"runAsGroup": {beyondUserNamespace, {
			reason: defaults.GroupWithoutUser,
			onPod:  func(s *scope, _ defaults.Value) string { return not("(" + s.podSets("runAsUser") + ")") },
		}},
		"runAsNonRoot": {
			{reason: defaults.RunsAsRoot, inContainer: func(_ *scope, bare bool, _ defaults.Value) string {
				return effective(bare, ".?runAsUser") + ".orValue(1) == 0"
			}},
			{reason: defaults.RunsAsRoot, inContainer: func(_ *scope, bare bool, _ defaults.Value) string {
				return effective(bare, ".?windowsOptions.?runAsUserName") + `.orValue("").lowerAscii() == "containeradministrator"`
			}},
		},
		"runAsUser": {beyondUserNamespace},
		"seLinuxOptions": {{
			reason:      defaults.OtherSELinuxOptions,
			inContainer: func(s *scope, _ bool, v defaults.Value) string { return hasOtherLabel(s, v) },
			onPod:       hasOtherLabel,
		}},
		"seccompProfile": {
			{reason: defaults.Privileged, inContainer: isPrivileged},
			{
				reason: defaults.LegacyAnnotation,
				inContainer: func(_ *scope, _ bool, v defaults.Value) string {
					return disagrees(quote(corev1.SeccompContainerAnnotationKeyPrefix)+" + c.name", v)
				},
				inherited: never,
				onPod: func(_ *scope, v defaults.Value) string {
					return disagrees(quote(corev1.SeccompPodAnnotationKey), v)
				},
			},
		},
		"supplementalGroups": {beyondUserNamespace},
		"sysctls": {
			{reason: defaults.SharesHostNamespaces, onPod: podHas("hostNetwork")},
			{reason: defaults.SharesHostNamespaces, onPod: podHas("hostIPC")},
			{reason: defaults.BeyondUserNamespace, onPod: hasOwnUsers},
		},
		"windowsOptions": {{reason: defaults.HostProcess, onPod: func(s *scope, _ defaults.Value) string {
			return s.anyContainer("c.?securityContext.?windowsOptions.?hostProcess.orValue(false)")
		}}},
	}
}

var beyondUserNamespace = conflict{
	reason:      defaults.BeyondUserNamespace,
	inContainer: func(s *scope, _ bool, v defaults.Value) string { return hasOwnUsers(s, v) },
	onPod:       hasOwnUsers,
}

// added is what the container c adds. Its securityContext must be set.
const added = "c.securityContext.?capabilities.?add.orValue([])"

func isPrivileged(_ *scope, bare bool, _ defaults.Value) string {
	return inContext("c.securityContext.?privileged.orValue(false)")(nil, bare, defaults.Value{})
}

// inContext is for what only a securityContext can say.
func inContext(condition string) func(*scope, bool, defaults.Value) string {
	return func(_ *scope, bare bool, _ defaults.Value) string {
		if bare {
			return ""
		}
		return condition
	}
}

func never(*scope, bool, defaults.Value) string { return "" }

// effective returns the optional value that the container c has, by itself or from the Pod.
func effective(bare bool, path string) string {
	if bare {
		return "variables.pod" + path
	}
	return "c.securityContext" + path + ".or(variables.pod" + path + ")"
}

func podHas(member string) func(*scope, defaults.Value) string {
	return func(s *scope, _ defaults.Value) string { return s.pod + ".spec.?" + member + ".orValue(false)" }
}

func hasOwnUsers(s *scope, _ defaults.Value) string {
	return "!" + s.pod + ".spec.?hostUsers.orValue(true)"
}

func hasOtherLabel(s *scope, v defaults.Value) string {
	label := v.Typed.(*corev1.SELinuxOptions)
	var differs []string
	for _, part := range []struct{ name, value string }{
		{"level", label.Level}, {"role", label.Role}, {"type", label.Type}, {"user", label.User},
	} {
		differs = append(differs, fmt.Sprintf(`c.securityContext.seLinuxOptions.?%s.orValue("") != %s`, part.name, quote(part.value)))
	}
	return s.anyContainer(allOf("has(c.securityContext)", "has(c.securityContext.seLinuxOptions)", anyOf(differs...)))
}

// disagrees returns the condition that the annotation of a key is there and says something else
// than the seccomp profile.
func disagrees(key string, v defaults.Value) string {
	agreeing := []string{corev1.SeccompProfileRuntimeDefault, corev1.DeprecatedSeccompProfileDockerDefault}
	if profile := v.Typed.(*corev1.SeccompProfile); profile.Type == corev1.SeccompProfileTypeLocalhost {
		agreeing = []string{corev1.SeccompLocalhostProfileNamePrefix + *profile.LocalhostProfile}
	}
	return fmt.Sprintf("(%s) in variables.annotations && !(variables.annotations[%s] in %s)", key, key, list(agreeing))
}

// makesField returns the condition that the API server turns an AppArmor annotation into a field.
func makesField(annotation string) string {
	prefix := corev1.DeprecatedAppArmorBetaProfileNamePrefix
	name := fmt.Sprintf("%s.substring(%d)", annotation, len(prefix))
	return anyOf(
		annotation+" in "+list([]string{corev1.DeprecatedAppArmorBetaProfileRuntimeDefault, corev1.DeprecatedAppArmorBetaProfileNameUnconfined}),
		allOf(fmt.Sprintf("%s.startsWith(%s)", annotation, quote(prefix)), name+` != ""`, name+".trim() == "+name, "bytes("+name+").size() < 4096"),
	)
}
