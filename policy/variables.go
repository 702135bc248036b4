// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
)

// A variable of a policy. The API server evaluates it when it is first used.
type variable struct{ name, comment, expression string }

// used returns those of the variables that the expressions use, by way of other variables too,
// in the order given: a variable may only use those before it.
func used(variables []variable, expressions ...string) []variable {
	var all []variable
	for _, v := range slices.Backward(variables) {
		if slices.ContainsFunc(expressions, v.isIn) {
			all = append(all, v)
			expressions = append(expressions, v.expression)
		}
	}
	slices.Reverse(all)
	return all
}

// isIn reports whether the expression uses the variable.
func (v variable) isIn(expression string) bool {
	for {
		_, after, found := strings.Cut(expression, "variables."+v.name)
		if !found {
			return false
		}
		if end := strings.IndexFunc(after, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }); end == 0 || after == "" {
			return true
		}
		expression = after
	}
}

// common returns the variables that conditions use.
func (s *scope) common() []variable {
	variables := []variable{
		{"pod", "What the Pod sets itself.", "has(" + s.pod + ".spec.securityContext) ? " + s.pod + ".spec.securityContext : {}"},
		{"annotations", "", s.metadata("annotations")},
		{"labels", "", s.metadata("labels")},
		{
			"requested", "The fields that the author of the Pod asks to leave.",
			fmt.Sprintf("%[1]s in variables.annotations ? variables.annotations[%[1]s].split(\",\").map(name, name.trim()) : []", quote(defaults.LeaveAnnotation)),
		},
	}
	variables = append(variables, earlierPass()...)
	for _, l := range slices.Concat(s.others, s.decided) {
		if l.optional {
			variables = append(variables, l.variable())
		}
	}
	variables = append(append(variables, s.windows()...), s.repositories())
	return append(variables, s.exceptionVariables()...)
}

// metadata returns a map of the metadata of the Pod, which is empty where it is unset.
func (s *scope) metadata(name string) string {
	at := s.pod + ".metadata"
	has := "has(" + at + "." + name + ")"
	if s.pod == "variables.template" { // its metadata may be unset
		has = "has(" + at + ") && " + has
	}
	return has + " ? " + at + "." + name + " : {}"
}

// windows returns the variables that say whether the Pod is for Windows nodes, as
// defaults/windows.go has it.
func (s *scope) windows() []variable {
	spec := s.pod + ".spec"
	lists := slices.Concat(s.others, s.decided)
	if s.pod == "oldObject" {
		lists = s.others // containers that are added do not change what the Pod is for
	}
	windowsOptions := []string{"has(variables.pod.windowsOptions)"}
	for _, l := range lists {
		windowsOptions = append(windowsOptions, l.exists("c.?securityContext.?windowsOptions.hasValue()"))
	}
	return []variable{
		{"canRunOnWindows", "Can a Windows node take the Pod, by its node selector and its required node affinity?", canRunOn(spec, "windows", "true")},
		{"canRunOnLinux", "And a Linux node?", canRunOn(spec, "linux", "false")},
		{
			"windows", "Is the Pod for Windows nodes? By spec.os, else by the nodes that can take it, else by its windowsOptions.",
			spec + `.?os.?name.orValue("") != "" ? ` + spec + `.os.name == "windows"
: (has(` + spec + `.nodeSelector) || has(` + spec + `.affinity)) && variables.canRunOnWindows != variables.canRunOnLinux ? variables.canRunOnWindows
: ` + strings.Join(windowsOptions, "\n  || "),
		},
	}
}

// canRunOn returns the condition that a node of the operating system can take the Pod
// (defaults/placement.go). build reports whether such a node has the label of the Windows build.
func canRunOn(spec, os, build string) string {
	osLabels := list([]string{corev1.LabelOSStable, "beta.kubernetes.io/os"})
	buildLabel := quote(corev1.LabelWindowsBuild)
	system := quote(os)
	selector := spec + `.?nodeSelector.orValue({})`
	inSelector := "label in " + osLabels + " ? " + spec + ".nodeSelector[label] == " + system + " : " + anyOf("label != "+buildLabel, build)
	terms := spec + ".affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])"
	byBuild := map[string]string{"true": `r.operator != "DoesNotExist"`, "false": `r.operator in ["NotIn", "DoesNotExist"]`}[build]
	return selector + `.all(label, ` + inSelector + `)
&& (!` + spec + `.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.hasValue()
  || ` + terms + `
  .exists(t, (has(t.matchExpressions) || has(t.matchFields)) && t.?matchExpressions.orValue([]).all(r,
    r.key in ` + osLabels + ` ?
      (r.operator == "In" ? ` + system + ` in r.?values.orValue([])
      : r.operator == "NotIn" ? !(` + system + ` in r.?values.orValue([]))
      : r.operator == "Exists")
    : r.key != ` + buildLabel + ` || ` + byBuild + `)))`
}
