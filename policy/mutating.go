// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// enforcing returns the policies of mode enforce: one for new Pods, and one for containers that
// are added to Pods that run. There is one JSONPatch in each, since each mutation takes the Pod
// apart and puts it together again. It cannot be an ApplyConfiguration: capabilities.drop is an
// atomic list.
func enforcing(p *defaults.Profile) []admissionPolicy {
	pods, added := newPods(p), addedContainers(p)
	documents := []admissionPolicy{pods.mutating("caseharden-enforce-"+p.Name,
		"Fills in the profile "+p.Name+" on new Pods.",
		rule("CREATE", "", "pods"), mirrorCondition("object"), pods.patch())}
	if added.hasContainerDefaults(defaults.Ephemeral) {
		documents = append(documents, added.mutating("caseharden-enforce-"+p.Name+"-ephemeral",
			"Fills in the profile "+p.Name+" on containers that kubectl debug adds to Pods.",
			rule("UPDATE", "", "pods/ephemeralcontainers"), mirrorCondition("oldObject"), added.patch()))
	}
	return documents
}

// mirrorCondition leaves mirror Pods alone: they show what a kubelet runs already.
func mirrorCondition(pod string) condition {
	return condition{"not-a-mirror-pod", fmt.Sprintf("!has(%s.metadata.annotations) || !(%s in %[1]s.metadata.annotations)", pod, quote(corev1.MirrorPodAnnotationKey))}
}

// A patch is the JSONPatch of a policy, with the variables that it may use.
type patch struct {
	variables  []variable
	expression string
}

func (s *scope) patch() patch {
	p := patch{variables: s.common()}
	if s.pod == "oldObject" {
		p.variables = append(s.additions(), p.variables...)
		all := containerList{defaults.Ephemeral, "variables.sent", false}
		p.variables = append(p.variables, s.settings(all))
		p.expression = contextOperations(all.ofType, "object.spec.ephemeralContainers[i].name in variables.running ? [] :\n")
		return p
	}
	var operations []string
	for _, l := range s.decided {
		if s.hasContainerDefaults(l.ofType) {
			p.variables = append(p.variables, s.settings(l))
			operations = append(operations, contextOperations(l.ofType, ""))
		}
	}
	if len(s.profile.Pod) > 0 {
		p.variables = append(p.variables, s.podSettings())
		operations = append(operations, `(has(object.spec.securityContext) ? variables.podSettings.transformList(k, v,
    JSONPatch{op: "add", path: "/spec/securityContext/" + k, value: v})
  : variables.podSettings.size() == 0 ? [] : [JSONPatch{op: "add", path: "/spec/securityContext", value: variables.podSettings}])`)
	}
	if writable := s.writable(); len(writable) > 0 {
		p.variables = append(p.variables, writable...)
		operations = append(operations, `(variables.newVolumes.size() == 0 ? []
  : has(object.spec.volumes) ? variables.newVolumes.map(v, JSONPatch{op: "add", path: "/spec/volumes/-", value: v})
  : [JSONPatch{op: "add", path: "/spec/volumes", value: variables.newVolumes}])`)
		for _, l := range s.decided {
			if s.mountsPaths(l) {
				operations = append(operations, mountOperations(l))
			}
		}
	}
	p.variables = append(p.variables, s.record()...)
	operations = append(operations, fmt.Sprintf(`(variables.record == "" ? []
  : has(object.metadata.annotations) ? [JSONPatch{op: "add", path: "/metadata/annotations/%s", value: variables.record}]
  : [JSONPatch{op: "add", path: "/metadata/annotations", value: {%s: variables.record}}])`,
		strings.ReplaceAll(mutate.InjectedAnnotation, "/", "~1"), quote(mutate.InjectedAnnotation)))
	p.expression = strings.Join(operations, "\n+ ")
	return p
}

// additions returns the variables about the containers that a request adds to a Pod that runs.
func (s *scope) additions() []variable {
	var names []string
	for _, l := range s.others {
		list := l.at
		if l.optional {
			list = "(" + l.variable().expression + ")"
		}
		names = append(names, list+".map(c, c.name)")
	}
	return []variable{
		{"running", "The names of all containers that the Pod has already.", strings.Join(names, "\n+ ")},
		{"sent", "", "has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : []"},
		{"added", "The containers that this request adds.", "variables.sent.filter(c, !(c.name in variables.running))"},
	}
}

// Expressions go through the variables with what containers get, and look at containers by their
// index: to look up a variable costs more, as the API server unescapes its name each time.

// contextOperations returns the operations for the containers of a type: one for all settings
// where a container has no securityContext, which is faster than one for each.
func contextOperations(t defaults.ContainerType, unless string) string {
	return fmt.Sprintf(`variables.%[1]s.transformList(i, settings, %[2]shas(object.spec.%[1]s[i].securityContext)
  ? settings.transformList(k, v, JSONPatch{op: "add", path: "/spec/%[1]s/" + string(i) + "/securityContext/" + k, value: v})
  : settings.size() == 0 ? [] : [JSONPatch{op: "add", path: "/spec/%[1]s/" + string(i) + "/securityContext", value: settings}]).flatten()`, t.List(), unless)
}

// mountOperations returns the operations that mount the writable paths in the containers of a
// list.
func mountOperations(l containerList) string {
	const mount = `{"mountPath": p, "name": variables.volumeFor[p], "subPath": string(object.spec.%[1]s[i].name)}`
	return fmt.Sprintf(`variables.%[2]s.transformList(i, paths, has(object.spec.%[1]s[i].volumeMounts)
  ? paths.map(p, JSONPatch{op: "add", path: "/spec/%[1]s/" + string(i) + "/volumeMounts/-", value: `+mount+`})
  : paths.size() == 0 ? [] : [JSONPatch{op: "add", path: "/spec/%[1]s/" + string(i) + "/volumeMounts", value: paths.map(p, `+mount+`)}]).flatten()`, l.ofType.List(), writableName(l))
}

// mutating returns the policy, with the variables that it uses.
func (s *scope) mutating(name, about string, r resourceRule, mirror condition, p patch) admissionPolicy {
	return admissionPolicy{
		kind: "MutatingAdmissionPolicy", name: name, about: about,
		rules: []resourceRule{r}, conditions: []condition{mirror},
		failurePolicy: "Fail", reinvocationPolicy: "IfNeeded",
		variables: used(p.variables, p.expression), patch: p.expression,
	}
}
