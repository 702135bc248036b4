// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/caseharden/caseharden/mutate"
)

// The record is the annotation that says what was filled in (mutate/record.go). CEL reads no
// JSON, so the record of an earlier pass is taken apart by patterns. It must be written as
// Caseharden writes it; any other text says nothing, and is replaced.

// entry is the pattern of a member of an object in the record: a name, and a list of texts.
const entry = `"[a-z0-9.-]+":\["[^"\\\[\]{}]+"(,"[^"\\\[\]{}]+")*\]`

var recordPattern = `^\{"profile":"[a-z0-9.-]+"(,"containers":\{` + entry + `(,` + entry + `)*\})?(,"pod":\["[A-Za-z]+"(,"[A-Za-z]+")*\])?` +
	`(,"writablePaths":\{` + entry + `(,` + entry + `)*\})?\}$`

// earlierPass returns the variables of what an earlier pass filled in.
func earlierPass() []variable {
	key := quote(mutate.InjectedAnnotation)
	return []variable{
		{"earlier", "The record of an earlier pass, if Caseharden wrote it.", "variables.annotations[?" + key + "].orValue(\"\").matches(" + quote(recordPattern) + ")\n" +
			"? variables.annotations[" + key + "] : \"\""},
		{"earlierContainers", "", entriesOf("containers")},
		{"madeNonRoot", "Containers in which an earlier pass filled in runAsNonRoot.",
			`variables.earlierContainers.filter(e, e.contains('"runAsNonRoot"')).map(e, e.find('[^":]+'))`},
		{"podMadeNonRoot", "", `variables.earlier.find('"pod":\\[[^\\]]*').contains('"runAsNonRoot"')`},
	}
}

// record returns the variables of the record of a new Pod; the last one is its text, which is
// empty where nothing is filled in.
func (s *scope) record() []variable {
	key := quote(mutate.InjectedAnnotation)
	fields := variable{name: "recordOfContainers", comment: "The record: the fields of each container, in the order of their names."}
	paths := variable{name: "recordOfPaths"}
	var fieldLists, pathLists, names []string
	for _, l := range s.decided {
		names = append(names, fmt.Sprintf("%s.map(c, c.name)", l.list()))
		if s.hasContainerDefaults(l.ofType) {
			// Most containers get all of the settings, and then the text is always the same.
			all := s.fieldsOf(l.ofType)
			fieldLists = append(fieldLists, fmt.Sprintf(`variables.%[1]s.transformList(i, settings, settings.size() > 0, '"' + object.spec.%[1]s[i].name + (settings.size() == %[2]d
  ? '":["%[3]s"]'
  : '":["' + settings.map(k, %[4]s).sort().join('","') + '"]'))`, l.ofType.List(), len(all), strings.Join(all, `","`), nameOf(s.profile)))
		}
		if s.mountsPaths(l) {
			pathLists = append(pathLists, fmt.Sprintf(`variables.%[2]s.transformList(i, paths, paths.size() > 0,
  '"' + object.spec.%[1]s[i].name + '":["' + paths.join('","') + '"]')`, l.ofType.List(), writableName(l)))
		}
	}
	fields.expression, paths.expression = concatenated(fieldLists), concatenated(pathLists)
	pod := variable{name: "recordOfPod", expression: "[]"}
	if len(s.profile.Pod) > 0 {
		pod.expression = "variables.podSettings.map(k, '\"' + k + '\"').sort()"
	}
	// What the profile never fills in is not in the record of this pass.
	now := func(v variable) string {
		if v.expression == "[]" {
			return "[]"
		}
		return "variables." + v.name
	}
	nothing := []string{"variables.recordOfContainers.size()"}
	if now(pod) != "[]" {
		nothing = append(nothing, "variables.recordOfPod.size()")
	}
	text := func(containers, pod, paths string) string {
		return "'{\"profile\":\"" + s.profile.Name + "\"'" + member("containers", containers, "{", "}") + member("pod", pod, "[", "]") +
			member("writablePaths", paths, "{", "}") + "\n  + '}'"
	}
	return []variable{fields, pod, paths,
		{"earlierPaths", "", entriesOf("writablePaths")},
		{"containerNames", "", strings.Join(names, " + ")},
		{"mergedContainers", "", mergedEntries("variables.recordOfContainers", "variables.earlierContainers")},
		{"mergedPod", "", mergedList(now(pod))},
		{"mergedPaths", "", mergedEntries(now(paths), "variables.earlierPaths")},
		{"text", "The record as JSON: of this pass, or together with that of an earlier one.",
			`variables.earlier == "" ?
  ` + text("variables.recordOfContainers", now(pod), now(paths)) + `
: ` + text("variables.mergedContainers", "variables.mergedPod", "variables.mergedPaths")},
		{"record", "The record, unless nothing is filled in, or all annotations together would be larger than the API server takes.",
			fmt.Sprintf(`%[4]s == 0 ? ""
: variables.annotations.transformList(k, v, k != %[1]s, bytes(k).size() + bytes(v).size()).sum()
  + bytes(variables.text).size() + %[2]d <= %[3]d ? variables.text : ""`, key, len(mutate.InjectedAnnotation), validation.TotalAnnotationSizeLimitB, strings.Join(nothing, " + "))},
	}
}

func concatenated(lists []string) string {
	if len(lists) == 0 {
		return "[]"
	}
	return strings.Join(lists, "\n+ ")
}

// member returns an expression for a member of the record, which is empty where the list of its
// entries is.
func member(name, entries, open, end string) string {
	if entries == "[]" {
		return ""
	}
	return fmt.Sprintf("\n  + "+`(%[1]s.size() == 0 ? "" : ',"%[2]s":%[3]s' + %[1]s.sort().join(",") + '%[4]s')`, entries, name, open, end)
}

// entriesOf returns an expression for the entries of an object in the record of the earlier pass.
func entriesOf(name string) string {
	return `variables.earlier.find('"` + name + `":\\{[^}]*').findAll('"[a-z0-9.-]+":\\[[^\\]]*\\]')`
}

// mergedEntries returns an expression for the entries of an object of the record together with
// those of the earlier pass, as far as these are about containers that the Pod has.
func mergedEntries(now, earlier string) string {
	const (
		of   = `.find('^"[^"]+":')`
		list = `.find('\\[.*').findAll('"[^"]+"')`
	)
	const there = `variables.containerNames.exists(n, o.startsWith('"' + n + '":'))`
	if now == "[]" {
		return earlier + ".filter(o, " + there + ")"
	}
	return fmt.Sprintf(`%[1]s.map(e, !%[2]s.exists(o, o%[3]s == e%[3]s) ? e
    : e%[3]s + '[' + (e%[4]s + %[2]s.filter(o, o%[3]s == e%[3]s)[0]%[4]s).distinct().sort().join(',') + ']')
+ %[2]s.filter(o, !%[1]s.exists(e, e%[3]s == o%[3]s) && %[5]s)`, now, earlier, of, list, there)
}

// mergedList returns an expression for the fields of the Pod together with those of the earlier
// pass.
func mergedList(now string) string {
	const earlier = `variables.earlier.find('"pod":\\[[^\\]]*').findAll('"[^"]+"').filter(f, f != '"pod"')`
	if now == "[]" {
		return earlier
	}
	return "(" + now + "\n+ " + earlier + ").distinct()"
}
