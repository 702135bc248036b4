// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

func TestMisspellings(t *testing.T) {
	for _, c := range []struct{ name, pod, want string }{
		{"none", `spec: {securityContext: {runAsUser: 1, sysctls: [{name: a, value: b}]}, containers: [{name: c, securityContext: {runAsUser: 1, capabilities: {drop: [ALL]}}}]}`, ""},
		{"letter case", `spec: {containers: [{name: c, securityContext: {runAsuser: 1, readOnlyRootFileSystem: true}}]}`,
			"spec.containers[0].securityContext.readOnlyRootFileSystem: unknown field: write readOnlyRootFilesystem\n" +
				"spec.containers[0].securityContext.runAsuser: unknown field: write runAsUser"},
		{"a letter too few", `spec: {initContainers: [{name: c, securityContext: {allowPrivilegeEscalaton: false}}]}`,
			"spec.initContainers[0].securityContext.allowPrivilegeEscalaton: unknown field: write allowPrivilegeEscalation"},
		{"in a structure", `spec: {ephemeralContainers: [{name: c, securityContext: {capabilities: {dropp: [ALL]}, seccompProfile: {Type: RuntimeDefault}}}]}`,
			"spec.ephemeralContainers[0].securityContext.capabilities.dropp: unknown field: write drop\n" +
				"spec.ephemeralContainers[0].securityContext.seccompProfile.Type: unknown field: write type"},
		{"in a list", `spec: {securityContext: {sysctls: [{name: a, vlaue: b}]}}`, "spec.securityContext.sysctls[0].vlaue: unknown field: write value"},
		{"a container's field on the pod", `spec: {securityContext: {capabilities: {drop: [ALL]}, readonlyRootFilesystem: true}}`,
			"spec.securityContext.capabilities: unknown field: move capabilities into the securityContext of a container\n" +
				"spec.securityContext.readonlyRootFilesystem: unknown field: move readOnlyRootFilesystem into the securityContext of a container"},
		{"a pod's field on a container", `spec: {containers: [{name: c, securityContext: {fsGroup: 1}}]}`,
			"spec.containers[0].securityContext.fsGroup: unknown field: move fsGroup into the securityContext of the pod"},
		{"outside of the security context", `spec: {runAsUser: 1, containers: [{name: c, privileged: true}]}`,
			"spec.containers[0].privileged: unknown field: move privileged into the securityContext of a container\n" +
				"spec.runAsUser: unknown field: move runAsUser into a securityContext"},
		{"the security context itself", `spec: {securitycontext: {}, containers: [{name: c, securityContex: {}}]}`,
			"spec.containers[0].securityContex: unknown field: write securityContext\n" +
				"spec.securitycontext: unknown field: write securityContext"},
		{"beside the spec", `{securityContext: {runAsUser: 1}, spec: {containers: [{name: c}]}}`,
			"securityContext: unknown field: move securityContext into spec"},
		{"like nothing", `spec: {containers: [{name: c, securityContext: {nobody: true}}]}`, "spec.containers[0].securityContext.nobody: unknown field"},
		{"others do not matter", `spec: {hostnetwork: true, containers: [{name: c, imagee: x, tty2: true}]}`, ""},
		{"no structures", `{spec: {securityContext: null, containers: [null, {name: c, securityContext: null}]}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod := profiletest.FromYAML(t, c.pod)
			var got, fields []string
			for _, m := range (&manifest.Object{APIVersion: "v1", Kind: "Pod", Raw: pod, Document: &manifest.Document{}}).Misspellings(manifest.Place{Text: pod}) {
				got = append(got, m.Message)
				field, _, _ := strings.Cut(m.Message, ":")
				fields = append(fields, field)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("misspellings (-want +got):\n%s", diff)
			}
			// The decoder of the API server does not have these fields either, and no other
			// of a security context.
			unknown := unknownFields(t, pod)
			for _, field := range fields {
				if !slices.Contains(unknown, field) {
					t.Errorf("the API server has the field %s", field)
				}
			}
			for _, field := range unknown {
				if strings.Contains(field, "securityContext.") && !slices.Contains(fields, field) {
					t.Errorf("the API server does not have the field %s, and nothing says so", field)
				}
			}
		})
	}
}

// unknownFields are those that the decoder of the API server refuses in strict mode.
func unknownFields(t *testing.T, pod []byte) []string {
	t.Helper()
	strict, err := kjson.UnmarshalStrict(pod, &corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, err := range strict {
		if match := regexp.MustCompile(`^unknown field "(.*)"$`).FindStringSubmatch(err.Error()); match != nil {
			fields = append(fields, match[1])
		}
	}
	return fields
}

// A warning has the line of the field, in each form that a manifest can have.
func TestMisspellingsHaveLines(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a template", "# a comment\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  securityContext: {}\n  template:\n    spec:\n" +
			"      containers:\n      - name: c\n        image: i\n        securityContext:\n          runAsUser: 1\n          runAsGrup: 1\n",
			"7 spec.securityContext: unknown field: move securityContext into spec.template.spec\n" +
				"15 spec.template.spec.containers[0].securityContext.runAsGrup: unknown field: write runAsGroup"},
		{"JSON", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n{},\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\"spec\": {\"securityContext\": {\n\"fsgroup\": 1}}}]}",
			"5 spec.securityContext.fsgroup: unknown field: write fsGroup"},
		{"an anchor and a merge", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nx: &x\n  runAsuser: 1\nspec:\n  containers:\n  - name: a\n    image: i\n    securityContext: *x\n  - name: b\n    image: i\n    securityContext:\n      <<: *x\n      privileged: false\n",
			"5 spec.containers[0].securityContext.runAsuser: unknown field: write runAsUser\n" +
				"5 spec.containers[1].securityContext.runAsuser: unknown field: write runAsUser"},
		{"a custom resource", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: p}\nspec:\n  securityContext: {}\n  template:\n    spec:\n      securityContext:\n        runAsuser: 1\n",
			"9 spec.template.spec.securityContext.runAsuser: unknown field: write runAsUser"},
		{"annotations of a CronJob", "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: c\n  annotations:\n    caseharden.io/leave: runAsUser\nspec:\n  jobTemplate:\n    metadata:\n      annotations:\n        caseharden.io/leave: runAsUser\n    spec:\n      template:\n        metadata:\n          annotations:\n            caseharden.io/leaf: runAsUser\n        spec:\n          containers:\n          - {name: c, image: i}\n",
			"6 metadata.annotations.caseharden.io/leave: has no effect here: move caseharden.io/leave into spec.jobTemplate.spec.template.metadata.annotations\n" +
				"11 spec.jobTemplate.metadata.annotations.caseharden.io/leave: has no effect here: move caseharden.io/leave into spec.jobTemplate.spec.template.metadata.annotations\n" +
				"16 spec.jobTemplate.spec.template.metadata.annotations.caseharden.io/leaf: has no effect: write caseharden.io/leave"},
		{"an annotation of a custom resource", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata:\n  name: r\n  annotations: {caseharden.io/leave: runAsUser}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: c, image: i}\n",
			"5 metadata.annotations.caseharden.io/leave: has no effect here: move caseharden.io/leave into spec.template.metadata.annotations"},
		{"what a profile does not allow, in the order of lines", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {caseharden.io/leave: runAsUser}}\nspec: {containers: [{name: c, image: i}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: q, annotations: {caseharden.io/leave: runAsUser}}\nspec: {containers: [{name: c, image: i}]}\n",
			"3 metadata.labels.caseharden.io/leave: has no effect here: move caseharden.io/leave into metadata.annotations\n" +
				"6 profile hardened does not allow caseharden.io/leave for: runAsUser (set it in the manifest, or list it under selfService of the profile)"},
		{"what is left alone", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: kube-system}\nspec: {securityContext: {runAsuser: 1}}\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(c.text)}}, preview.Options{})
			var got []string
			for _, w := range p.Warnings {
				got = append(got, fmt.Sprintf("%d %s", w.Line, w.Message))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if page := written(t, p, "html"); strings.Contains(page, "about the manifests") != (c.want != "") {
				t.Error("the page does not have the warnings")
			}
		})
	}
}
