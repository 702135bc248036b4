// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/mutate"
)

// An admissionPolicy is a policy before it is written as YAML. It is not marshalled, so that
// expressions are blocks of text, with their comments.
type admissionPolicy struct {
	kind, name, about  string
	rules              []resourceRule
	conditions         []condition
	failurePolicy      string
	reinvocationPolicy string // of a MutatingAdmissionPolicy
	variables          []variable
	patch              string // of a MutatingAdmissionPolicy
	validation         string // of a ValidatingAdmissionPolicy
	message            string // of its failure
}

// A condition of a policy, and of a webhook, has a name.
type condition struct{ name, expression string }

// A resourceRule says which requests a policy is for.
type resourceRule struct {
	operations, group, version string
	resources                  []string
}

func rule(operation, group, resource string) resourceRule {
	return resourceRule{operation, group, "v1", []string{resource}}
}

// text returns the document as YAML, with all the defaults of the API: applied from Git, it
// then shows no difference.
func (d admissionPolicy) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\napiVersion: admissionregistration.k8s.io/v1\nkind: %s\nmetadata:\n  name: %s\nspec:\n", d.about, d.kind, d.name)
	fmt.Fprintf(&b, "  failurePolicy: %s\n", d.failurePolicy)
	if d.reinvocationPolicy != "" {
		b.WriteString("  # Settings are filled in in containers that others add after this policy too.\n")
		fmt.Fprintf(&b, "  reinvocationPolicy: %s\n", d.reinvocationPolicy)
	}
	b.WriteString("  matchConstraints:\n    matchPolicy: Equivalent\n    namespaceSelector: {}\n    objectSelector: {}\n    resourceRules:\n")
	for _, r := range d.rules {
		fmt.Fprintf(&b, "    - {operations: [%s], apiGroups: [%q], apiVersions: [%s], resources: [%s], scope: Namespaced}\n",
			r.operations, r.group, r.version, strings.Join(r.resources, ", "))
	}
	b.WriteString("  matchConditions:\n")
	for _, c := range d.conditions {
		fmt.Fprintf(&b, "  - name: %s\n    expression: |-\n%s", c.name, block(6, c.expression))
	}
	if len(d.variables) > 0 {
		b.WriteString("  variables:\n")
	}
	for _, v := range d.variables {
		for line := range strings.SplitSeq(v.comment, "\n") {
			if line != "" {
				fmt.Fprintf(&b, "  # %s\n", line)
			}
		}
		fmt.Fprintf(&b, "  - name: %s\n    expression: |-\n%s", v.name, block(6, v.expression))
	}
	if d.patch != "" {
		fmt.Fprintf(&b, "  mutations:\n  - patchType: JSONPatch\n    jsonPatch:\n      expression: |-\n%s", block(8, d.patch))
	} else {
		fmt.Fprintf(&b, "  validations:\n  - expression: |-\n%s    messageExpression: |-\n%s", block(6, d.validation), block(6, d.message))
	}
	return b.String()
}

// binding returns the binding of the policy to the namespaces that have opted in to a profile in
// a mode.
func (d admissionPolicy) binding(mode mutate.Mode, profile string, excluded []string) string {
	actions := map[mutate.Mode]string{mutate.Warn: "Warn", mutate.Audit: "Audit"}
	name := d.name
	if mode != mutate.Enforce {
		name = strings.Replace(name, "-report-", "-"+string(mode)+"-", 1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: admissionregistration.k8s.io/v1\nkind: %sBinding\nmetadata:\n  name: %s\nspec:\n  policyName: %s\n", d.kind, name, d.name)
	if action, found := actions[mode]; found {
		fmt.Fprintf(&b, "  validationActions: [%s]\n", action)
	}
	fmt.Fprintf(&b, `  matchResources:
    matchPolicy: Equivalent
    objectSelector: {}
    namespaceSelector:
      matchLabels:
        caseharden.io/%s: %q
      matchExpressions:
      - {key: kubernetes.io/metadata.name, operator: NotIn, values: [%s]}
`, mode, profile, strings.Join(excluded, ", "))
	return b.String()
}

// block lays an expression out, and indents its lines.
func block(indent int, expression string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(layOut(expression), "\n") {
		b.WriteString(strings.Repeat(" ", indent) + line + "\n")
	}
	return b.String()
}
