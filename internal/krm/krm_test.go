// SPDX-License-Identifier: Apache-2.0

package krm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
	"github.com/caseharden/caseharden/preview"
)

// a list has a Pod whose image is known to need a user, and what names its file.
func list(functionConfig string) string {
	return `apiVersion: config.kubernetes.io/v1
kind: ResourceList
functionConfig: ` + functionConfig + `
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: web # kept
    namespace: shop
    annotations: {internal.config.kubernetes.io/path: a/web.yaml, internal.config.kubernetes.io/index: '2'}
  spec: {containers: [{name: nginx, image: nginx}]}
- apiVersion: v1
  kind: Service
  metadata: {name: web}
results:
- message: of another function
`
}

func run(t *testing.T, input string) (map[string]any, []string, error) {
	t.Helper()
	output, errs, err := Run([]byte(input), preview.Options{Known: func(image string) *evidence.Known {
		k, _ := known.For(image)
		return k
	}})
	var object map[string]any
	if err := yaml.Unmarshal(output, &object); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if err == nil && !strings.Contains(string(output), "# kept") {
		t.Errorf("a comment is lost:\n%s", output)
	}
	return object, errs, err
}

func securityContext(object map[string]any) any {
	pod := object["items"].([]any)[0].(map[string]any)
	return pod["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["securityContext"]
}

func TestRun(t *testing.T) {
	restricted := map[string]any{
		"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}},
		"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
	}
	for functionConfig, want := range map[string]struct {
		context  any
		severity string // of the finding about the user; "" is none
		errs     int
	}{
		"{kind: ConfigMap, data: {profile: restricted}}":                                                                                        {restricted, "warning", 0},
		"{kind: ConfigMap, data: {profile: restricted, mode: check}}":                                                                           {nil, "warning", 0},
		"{kind: ConfigMap, data: {profile: restricted, mode: check, failOn: risk}}":                                                             {nil, "error", 1},
		"{apiVersion: caseharden.io/v1alpha1, kind: Profile, metadata: {name: x, annotations: {a: b}}, spec: {container: {privileged: false}}}": {map[string]any{"privileged": false}, "", 0},
	} {
		object, errs, err := run(t, list(functionConfig))
		if err != nil {
			t.Errorf("%s: %v", functionConfig, err)
			continue
		}
		if diff := cmp.Diff(want.context, securityContext(object)); diff != "" {
			t.Errorf("%s: securityContext (-want +got):\n%s", functionConfig, diff)
		}
		if len(errs) != want.errs {
			t.Errorf("%s: errors %q, want %d", functionConfig, errs, want.errs)
		}
		severity := ""
		results, _ := object["results"].([]any)
		for _, r := range results {
			r := r.(map[string]any)
			ref := map[string]any{"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web"}
			if diff := cmp.Diff([]any{ref, map[string]any{"path": "a/web.yaml", "index": 2}}, []any{r["resourceRef"], r["file"]}); diff != "" {
				t.Errorf("%s: place of a result (-want +got):\n%s", functionConfig, diff)
			}
			if r["tags"].(map[string]any)["id"] == "image-user-refused" {
				severity = fmt.Sprint(r["severity"])
			}
		}
		if severity != want.severity {
			t.Errorf("%s: severity %q of image-user-refused, want %q: %v", functionConfig, severity, want.severity, results)
		}
	}
}

func TestErrors(t *testing.T) {
	for input, want := range map[string]string{
		"":                           "no ResourceList on standard input",
		"[":                          "did not find expected node content",
		"apiVersion: v1\nkind: List": "standard input: must be a ResourceList of config.kubernetes.io/v1, is a List of v1",
		list("{kind: ConfigMap, data: {profile: hard}}"): `functionConfig: data.profile: must be one of compatible, hardened, restricted, is "hard"`,
		list("{kind: ConfigMap, data: {mode: dry}}"):     `functionConfig: data.mode: must be one of fill, check, is "dry"`,
		list("{kind: ConfigMap, data: {failon: risk}}"):  "functionConfig: data.failon: must be one of profile, mode, failOn, minSeverity",
		list("{kind: ConfigMap, data: [a]}"):             "functionConfig: ",
		list("{apiVersion: v1, kind: Secret}"):           "functionConfig: must be a ConfigMap or a Profile of caseharden.io, is a Secret of v1",
		list("{apiVersion: caseharden.io/v1alpha1, kind: Profile, metadata: {name: x}, spec: {container: {privileged: true}}}"): "spec.container.privileged: must be false, is true",
	} {
		_, _, err := run(t, input)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", input, err, want)
		}
	}
}

// An item that cannot be read is a result, and the other items are as they would be.
func TestItemThatCannotBeRead(t *testing.T) {
	input := strings.Replace(list("{}"), "items:\n", "items:\n- {apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {containers: 1}}\n", 1)
	_, errs, err := run(t, input)
	if err != nil || len(errs) != 1 {
		t.Errorf("errors %q, %v", errs, err)
	}
}
