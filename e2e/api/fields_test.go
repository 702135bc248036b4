// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the tests have to know of a field: what authors may write instead of the
// value of a profile, the weakest there is, and the operating system whose pods may
// have it.
var fieldCases = map[string]struct {
	others []string // the first that is not the profile's is taken
	os     string   // empty: any
	spec   string   // of the pod, what another value needs
	beside string   // at pod level, what a default needs
}{
	"allowPrivilegeEscalation": {others: []string{`true`}, os: "linux"},
	"appArmorProfile":          {others: []string{`{type: Unconfined}`}, os: "linux"},
	"capabilities.drop":        {others: []string{`[SYS_TIME]`}, os: "linux"},
	"fsGroup":                  {others: []string{`0`}, os: "linux"},
	"fsGroupChangePolicy":      {others: []string{`Always`, `OnRootMismatch`}, os: "linux"},
	"privileged":               {others: []string{`true`}, os: "linux"},
	"procMount":                {others: []string{`Unmasked`}, os: "linux", spec: `hostUsers: false, `},
	"readOnlyRootFilesystem":   {others: []string{`false`}, os: "linux"},
	"runAsGroup":               {others: []string{`0`}, os: "linux", beside: `runAsUser: 7`},
	"runAsNonRoot":             {others: []string{`false`}},
	"runAsUser":                {others: []string{`0`}, os: "linux"},
	"seLinuxChangePolicy":      {others: []string{`Recursive`, `MountOption`}, os: "linux"},
	"seLinuxOptions":           {others: []string{`{type: spc_t, user: system_u}`}, os: "linux"},
	"seccompProfile":           {others: []string{`{type: Unconfined}`}, os: "linux"},
	"supplementalGroups":       {others: []string{`[0]`}, os: "linux"},
	"supplementalGroupsPolicy": {others: []string{`Merge`, `Strict`}, os: "linux"},
	"sysctls":                  {others: []string{`[{name: kernel.msgmax, value: "65536"}]`}, os: "linux"},
	"windowsOptions":           {others: []string{`{runAsUserName: ContainerAdministrator}`}, os: "windows"},
}

// The API's types are the oracle: a field that Kubernetes adds fails this test
// until it is placed. The one that no profile can have is capabilities.add.
func TestEveryFieldHasACase(t *testing.T) {
	want := slices.DeleteFunc(slices.Sorted(maps.Keys(apiFields)), func(f string) bool { return f == "capabilities.add" })
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(fieldCases))); diff != "" {
		t.Errorf("fields (-API +cases):\n%s", diff)
	}
	values, err := allowedValues()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(values))); diff != "" {
		t.Errorf("fields (-API +values):\n%s", diff)
	}
}

// containersOf is a pod with a container of every kind that a new one can have.
func containersOf(spec string) string {
	return `{spec: {` + spec + `initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always}], containers: [{name: app}, {name: helper}]}}`
}

// Every value of every field, at each level. It is filled in where it is unset,
// exactly as if the author had written it, and left where another value is set. It is
// skipped in a pod of the other operating system, which the API server would refuse
// with it. That the API server takes the pods says that no profile can have a value
// that it refuses.
func TestEveryField(t *testing.T) {
	withOwnProfiles(t)
	profiles, err := fieldProfiles()
	if err != nil {
		t.Fatal(err)
	}
	plain := newNamespace(t, nil)
	wantSkipped := map[string]string{} // by field manager
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			tt := fieldCases[p.field]
			namespace := newEnforced(t, p.name)
			os, otherOS := "", ""
			switch tt.os {
			case "windows":
				os, otherOS = "os: {name: windows}, ", "os: {name: linux}, "
			case "linux":
				otherOS = "os: {name: windows}, "
			}

			unset := podObject(t, containersOf(os))
			if p.pod && tt.beside != "" {
				unset = podObject(t, containersOf(os+"securityContext: {"+tt.beside+"}, "))
			}
			sent := setField(t, unset, p.field, p.value, p.pod)
			if p.pod && !keeps(t, sent, p.field) {
				t.Skip("this version of Kubernetes does not have the field or the value, or drops it")
			}
			want := stored(t, plain, sent, "")
			got := stored(t, namespace, unset, "")
			sameSpec(t, "where it is unset", want, got)
			checkRecord(t, p, got)
			checkEphemeral(t, p, namespace, got)

			i := slices.IndexFunc(tt.others, func(o string) bool { return o != p.value })
			set := podObject(t, containersOf(os+tt.spec))
			for _, onPod := range []bool{false, true} {
				// A default of the pod's is beside what a container sets, and one of a
				// container only inherited from the pod where the API has the field there.
				if levels := apiFields[p.field]; onPod && !levels.pod || !onPod && p.pod {
					continue
				}
				set := setField(t, set, p.field, tt.others[i], onPod)
				if onPod && !keeps(t, set, p.field) {
					continue
				}
				got := stored(t, namespace, set, "")
				sameSpec(t, "where it is set", stored(t, plain, set, ""), got)
				if a := annotations(got)["caseharden.io/injected"]; a != nil {
					t.Errorf("where it is set: injected %s", a)
				}
			}

			if otherOS == "" {
				return
			}
			unset = podObject(t, containersOf(otherOS))
			refusedByAPIServer(t, plain, setField(t, unset, p.field, p.value, p.pod))
			manager := unique("fields")
			sameSpec(t, "in a pod of the other operating system", stored(t, plain, unset, ""), stored(t, namespace, unset, manager))
			reason := map[string]string{p.field: map[string]string{"linux": "windows-pod", "windows": "linux-pod"}[tt.os]}
			record := map[string]any{"profile": p.name, "pod": reason}
			if !p.pod {
				record = map[string]any{"profile": p.name, "containers": map[string]any{"migrate": reason, "proxy": reason, "app": reason, "helper": reason}}
			}
			data, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			wantSkipped[manager] = string(data)
		})
	}
	for manager, events := range allAuditAnnotations(t, slices.Collect(maps.Keys(wantSkipped))...) {
		for key, got := range events {
			if !sameJSON(t, wantSkipped[manager], got) {
				t.Errorf("%s: %s, want %s", key, got, wantSkipped[manager])
			}
		}
		if len(events) != 1 {
			t.Errorf("%d annotations of the audit event, want 1: %v", len(events), events)
		}
	}
}

// stored creates a pod and reads it back, under a name of its own.
func stored(t *testing.T, namespace string, object map[string]any, manager string) map[string]any {
	t.Helper()
	name := unique("pod")
	metadata := maps.Clone(object["metadata"].(map[string]any))
	metadata["name"] = name
	if _, err := submit(t.Context(), namespace, map[string]any{"metadata": metadata, "spec": object["spec"]}, metav1.CreateOptions{FieldManager: manager}); err != nil {
		t.Fatal(err)
	}
	return readBack(t, namespace, name)
}

func refusedByAPIServer(t *testing.T, namespace string, object map[string]any) {
	t.Helper()
	err := refusal(t, namespace, object)
	if err == nil {
		t.Error("the API server must refuse what a naive webhook makes of the pod, and accepts it")
	}
}

func sameSpec(t *testing.T, what string, want, got map[string]any) {
	t.Helper()
	if diff := cmp.Diff(want["spec"], got["spec"]); diff != "" {
		t.Errorf("%s: spec (-want +got):\n%s", what, diff)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	for text, into := range map[string]*any{a: &x, b: &y} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	if a == b {
		return true
	}
	return reflect.DeepEqual(x, y)
}

// checkRecord demands that the annotation names the field, and where.
func checkRecord(t *testing.T, p fieldProfile, got map[string]any) {
	t.Helper()
	field := `["` + p.field + `"]`
	want := `{"profile":"` + p.name + `","pod":` + field + `}`
	if !p.pod {
		want = `{"profile":"` + p.name + `","containers":{"app":` + field + `,"helper":` + field + `,"migrate":` + field + `,"proxy":` + field + `}}`
	}
	written := maps.Clone(annotations(got))
	maps.DeleteFunc(written, func(key string, _ any) bool { // Kubernetes 1.30 writes them beside the field
		return strings.HasPrefix(key, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix)
	})
	if diff := cmp.Diff(map[string]any{"caseharden.io/injected": want}, written); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

// checkEphemeral adds a container to the pod: a default of containers it gets as
// the others did, and one of the pod it does not.
func checkEphemeral(t *testing.T, p fieldProfile, namespace string, got map[string]any) {
	t.Helper()
	name := got["metadata"].(map[string]any)["name"].(string)
	running, err := client.CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := securityContexts(t, running)
	want := maps.Clone(before)
	want["debugger"] = "null"
	if !p.pod {
		want["debugger"] = before["app"]
	}
	if diff := cmp.Diff(want, securityContexts(t, addEphemeral(t, running, "debugger"))); diff != "" {
		t.Errorf("security contexts with an ephemeral container (-want +got):\n%s", diff)
	}
}
