// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// maxFindings is how much of the findings a message holds. The API server takes messages of at
// most 5 KiB, and says nothing of the findings instead of a longer one.
const maxFindings = 1200

// reporting returns the policies of the modes warn and audit. A finding fails a validation,
// which denies nothing: the actions of the bindings are Warn and Audit. The expressions use
// only what Kubernetes 1.30 has.
func reporting(p *defaults.Profile) []admissionPolicy {
	name := "caseharden-report-" + p.Name
	pods, added, templates := newPods(p), addedContainers(p), workloads(p)
	documents := []admissionPolicy{pods.validating(name,
		"Says what the profile "+p.Name+" would fill in on new Pods.",
		[]resourceRule{rule("CREATE", "", "pods")}, []condition{mirrorCondition("object")}, nil)}
	if added.hasContainerDefaults(defaults.Ephemeral) {
		documents = append(documents, added.validating(name+"-ephemeral",
			"Says what the profile "+p.Name+" would fill in on containers that kubectl debug adds.",
			[]resourceRule{rule("UPDATE", "", "pods/ephemeralcontainers")}, []condition{mirrorCondition("oldObject")},
			added.additions()))
	}
	template, rules := templateExpression("object")
	oldTemplate, _ := templateExpression("oldObject")
	return append(documents, templates.validating(name+"-workloads",
		"Says what the profile "+p.Name+" would fill in on the Pods of workloads. Their templates stay as they are.",
		rules, []condition{
			{"has-a-template", "has(object.spec) ? has(object.spec.template) || has(object.spec.jobTemplate) : has(object.template)"},
			// What a controller makes of a template is not what people apply.
			{"not-of-a-controller", "!has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(owner, owner.?controller.orValue(false))"},
			{"template-changes", "oldObject == null || (" + template + ") != (" + oldTemplate + ")"},
			{"not-a-mirror-pod", "!(" + quote("kubernetes.io/config.mirror") + " in (" + template + ").?metadata.?annotations.orValue({}))"},
		}, []variable{{"template", "The template of the Pods.", template}}))
}

// templateExpression returns where the template of each kind is, and the rules for all kinds.
func templateExpression(object string) (string, []resourceRule) {
	expression := ""
	var rules []resourceRule
	byPath := map[string][]string{} // resources
	var paths []string
	for _, kind := range mutate.TemplateKinds() {
		if len(kind.Path) == 0 {
			continue
		}
		path := strings.Join(kind.Path, ".")
		if byPath[path] == nil {
			paths = append(paths, path)
		}
		byPath[path] = append(byPath[path], kind.Resource)
		i := slices.IndexFunc(rules, func(r resourceRule) bool { return r.group == kind.Group })
		if i < 0 {
			i, rules = len(rules), append(rules, resourceRule{operations: "CREATE, UPDATE", group: kind.Group, version: kind.Version})
		}
		rules[i].resources = append(rules[i].resources, kind.Resource)
	}
	slices.SortFunc(paths, func(a, b string) int { return len(byPath[a]) - len(byPath[b]) }) // the most common path comes last
	for i, path := range paths {
		if i == len(paths)-1 {
			return expression + object + "." + path, rules
		}
		expression += "request.resource.resource in " + list(byPath[path]) + " ? " + object + "." + path + " : "
	}
	return expression, rules
}

// findings returns the variable of the sentences to say: one for each container that would get
// something, and one for the Pod.
func (s *scope) findings() variable {
	var lists []string
	for _, l := range s.decided {
		if !s.hasContainerDefaults(l.ofType) {
			continue
		}
		kind := "container"
		if l.ofType != defaults.Regular {
			kind = string(l.ofType) + " container"
		}
		mounts := ""
		if s.mountsPaths(l) {
			mounts = fmt.Sprintf(` + (!("readOnlyRootFilesystem" in fields) ? "" : [%s].map(p, p.size() == 0 ? "" : ", and an emptyDir at " + p.join(", "))[0])`, s.uncovered(l.ofType))
		}
		lists = append(lists, fmt.Sprintf("%s.map(c, [has(c.securityContext) ? [\n%s] : [\n%s]]\n"+
			"  .map(fields, fields.size() == 0 ? \"\" : '%s \"' + c.name + '\" would get ' + fields.join(\", \")%s)[0])",
			l.list(), s.fieldNames(l.ofType, false), s.fieldNames(l.ofType, true), kind, mounts))
	}
	if len(s.profile.Pod) > 0 {
		var names []string
		for _, d := range s.profile.Pod {
			names = append(names, "  ?"+choose(anyOf(s.settledAtPodLevel(d)...), "optional.none()", "optional.of("+quote(d.Field.Name)+")"))
		}
		lists = append(lists, "[[\n"+strings.Join(names, ",\n")+"]].map(fields, fields.size() == 0 ? \"\" : \"the pod would get \" + fields.join(\", \"))")
	}
	return variable{
		name:       "findings",
		comment:    "What each container would get, and the Pod.",
		expression: "(" + strings.Join(lists, "\n+ ") + ").filter(finding, finding != \"\")",
	}
}

// fieldNames returns the elements of the list of the fields that the container c would get.
func (s *scope) fieldNames(t defaults.ContainerType, bare bool) string {
	var elements []string
	for _, f := range defaults.Fields() {
		if len(s.choices(f, t)) == 0 {
			continue
		}
		elements = append(elements, "  ?"+s.decision(f, t, bare, setIn(f, bare), func(defaults.Value) string { return "optional.of(" + quote(f.Name) + ")" }, "optional.none()"))
	}
	return strings.Join(elements, ",\n")
}

func (s *scope) validating(name, about string, rules []resourceRule, conditions []condition, first []variable) admissionPolicy {
	variables := append(slices.Concat(first, s.common()), s.findings())
	const fails = "variables.findings.size() == 0"
	return admissionPolicy{
		kind: "ValidatingAdmissionPolicy", name: name, about: about, rules: rules, conditions: conditions,
		failurePolicy: "Ignore", variables: used(variables, fails), validation: fails,
		message: fmt.Sprintf(`"caseharden: " + [variables.findings.join("; ")].map(all, all.size() <= %[1]d ? all : all.substring(0, %[1]d) + "…")[0] + " (profile %[2]s)"`,
			maxFindings, s.profile.Name),
	}
}
