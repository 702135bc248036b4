// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
)

// checkProperties sends a pod through the webhook and holds the answer to what
// the package comment promises, with the API server's own patch library as the
// oracle. A pod that the webhook refuses to read has nothing to hold.
func checkProperties(t *testing.T, w webhook, path string, pod []byte) (read, patched bool) {
	t.Helper()
	request := create(string(pod))
	if _, err := w.answer(path, marshalReview(t, request)); err != nil {
		return false, false
	}
	response := w.review(t, path, request)
	if response.Patch == nil {
		return true, false
	}
	after := apply(t, response, pod)
	compareLeaves(t, "", decode(t, pod), decode(t, after))
	second := w.review(t, path, create(string(after)))
	if second.Patch != nil {
		t.Errorf("a second pass patches again: %s\nafter the first: %s\npod: %s", second.Patch, response.Patch, pod)
	}
	return true, true
}

// apply applies the patch as the API server does, and demands that it only adds.
func apply(t *testing.T, response *admissionv1.AdmissionResponse, pod []byte) []byte {
	t.Helper()
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		t.Fatalf("%v: %s", err, response.Patch)
	}
	if len(patch) == 0 {
		t.Errorf("there is a patch, and it is empty")
	}
	for _, operation := range patch {
		if operation.Kind() != "add" {
			t.Errorf("operation %s in %s", operation.Kind(), response.Patch)
		}
	}
	after, err := patch.Apply(pod)
	if err != nil {
		t.Fatalf("the patch does not apply: %v\npatch: %s\npod: %s", err, response.Patch, pod)
	}
	return after
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return value
}

// compareLeaves demands that everything in before is in after: only a null may
// have been filled in, only volumes and mounts added to lists, at their end, and
// only the annotation replaced.
func compareLeaves(t *testing.T, path string, before, after any) {
	t.Helper()
	switch before := before.(type) {
	case nil:
	case map[string]any:
		object, ok := after.(map[string]any)
		if !ok {
			t.Errorf("%s was an object and is %v", path, after)
			return
		}
		for name, value := range before {
			if path == "/metadata/annotations" && name == InjectedAnnotation {
				continue
			}
			if _, ok := object[name]; !ok {
				t.Errorf("%s/%s is lost", path, name)
				continue
			}
			compareLeaves(t, path+"/"+name, value, object[name])
		}
	case []any:
		list, ok := after.([]any)
		grows := strings.HasSuffix(path, "/volumeMounts") || path == "/spec/volumes"
		if !ok || len(list) < len(before) || len(list) > len(before) && !grows {
			t.Errorf("%s was %v and is %v", path, before, after)
			return
		}
		for i := range before {
			compareLeaves(t, fmt.Sprintf("%s/%d", path, i), before[i], list[i])
		}
	default:
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s was %v and is %v", path, before, after)
		}
	}
}

func TestPropertiesOfArbitraryPods(t *testing.T) {
	w := newWebhook(t)
	patched := 0
	for seed := range uint64(5000) {
		pod, patches := arbitraryPod(seed), false
		for _, path := range []string{"/enforce/hardened", "/enforce/restricted", "/enforce/compatible", "/enforce/everything", "/enforce/asked"} {
			// The generator gives what is read no other type than the API's.
			read, patch := checkProperties(t, w, path, pod)
			if !read {
				t.Errorf("not read: %s", pod)
			}
			patches = patches || patch
		}
		if patches {
			patched++
		}
	}
	// The generator must not degenerate to pods that cannot be read.
	if patched < 2000 {
		t.Errorf("only %d of 5000 arbitrary pods were patched", patched)
	}
}

func FuzzArbitraryPod(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	w := newWebhook(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		checkProperties(t, w, "/enforce/hardened", arbitraryPod(seed))
		checkProperties(t, w, "/enforce/everything", arbitraryPod(seed))
		checkProperties(t, w, "/enforce/asked", arbitraryPod(seed))
	})
}

// FuzzPod mutates the JSON of pods.
func FuzzPod(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(arbitraryPod(seed))
	}
	f.Add([]byte(barePod))
	f.Add([]byte(`{"spec":{"containers":[null,{"securityContext":{"capabilities":null}}],"initContainers":[{"securityContext":null}]}}`))
	w := newWebhook(f)
	f.Fuzz(func(t *testing.T, pod []byte) {
		if !json.Valid(pod) {
			return
		}
		checkProperties(t, w, "/enforce/hardened", pod)
		checkProperties(t, w, "/enforce/everything", pod)
		checkProperties(t, w, "/enforce/asked", pod)
	})
}

// arbitraryPod makes a pod, the same for the same seed, of what a decision looks
// at and of what it must not care about: nulls, empty objects, unknown members,
// names that want escaping, values of other types.
func arbitraryPod(seed uint64) []byte {
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	pod, err := json.Marshal(g.object(map[string]func() any{
		"metadata": func() any {
			return g.object(map[string]func() any{
				"name":   g.text,
				"labels": g.oneOf(map[string]string{"app": "db"}, map[string]string{"app": "web", "a": ""}, map[string]any{"app": nil}, []any{}, "x"),
				"annotations": func() any {
					return g.object(map[string]func() any{
						InjectedAnnotation: g.oneOf("", "x", `{"profile":"hardened","containers":{"app":["runAsUser"]}}`, `{"containers":{"b":null},"pod":["fsGroup"]}`,
							`{"containers":{"app":["runAsNonRoot"],"b":["runAsNonRoot"]},"pod":["runAsNonRoot"]}`, `{"Containers":{"app":["runAsNonRoot"]},"writablePaths":5}`),
						defaults.LeaveAnnotation:                             g.oneOf("capabilities.drop", "readOnlyRootFilesystem, runAsUser", "x,\x00,*", "fsGroup"),
						"container.seccomp.security.alpha.kubernetes.io/app": g.oneOf("unconfined", "runtime/default"),
						"a/b~c": g.text,
					}, nil)
				},
			}, g.anything)
		},
		"spec": func() any {
			return g.object(map[string]func() any{
				"os":                  g.oneOf(map[string]any{"name": "linux"}, map[string]any{"name": "linux"}, map[string]any{"name": "windows"}, map[string]any{}),
				"nodeSelector":        g.oneOf(map[string]any{"kubernetes.io/os": "linux"}, map[string]any{"kubernetes.io/os": "linux"}, map[string]any{"kubernetes.io/os": "windows"}),
				"hostNetwork":         g.oneOf(true, false),
				"hostUsers":           g.oneOf(true, false),
				"volumes":             g.volumes,
				"securityContext":     g.securityContext,
				"containers":          g.containers,
				"initContainers":      g.containers,
				"ephemeralContainers": g.containers,
			}, g.anything)
		},
	}, g.anything))
	if err != nil {
		panic(err)
	}
	return pod
}

type generator struct{ *rand.Rand }

// object makes each member in some of the cases, a null in a few, and adds
// unknown members if it may.
func (g generator) object(members map[string]func() any, unknown func() any) any {
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch n := g.IntN(20); {
		case n < 12:
			object[name] = members[name]()
		case n == 12:
			object[name] = nil
		}
	}
	for unknown != nil && g.IntN(3) == 0 {
		object[g.text().(string)] = unknown()
	}
	return object
}

func (g generator) containers() any {
	list := []any{}
	for range g.IntN(4) {
		if g.IntN(20) == 0 {
			list = append(list, nil)
			continue
		}
		list = append(list, g.object(map[string]func() any{
			"name":            g.oneOf("app", "b", "", "ünï\"code\n", "a/b~c"),
			"image":           g.oneOf("", "jenkins/jenkins:lts", "x/y@z"),
			"restartPolicy":   g.oneOf("Always"),
			"volumeMounts":    g.mounts,
			"volumeDevices":   g.oneOf([]any{}, []any{map[string]any{"devicePath": "/var/run"}}),
			"securityContext": g.securityContext,
		}, g.anything))
	}
	return list
}

// volumes are of the names that we would give, too.
func (g generator) volumes() any {
	list := []any{}
	for range g.IntN(3) {
		list = append(list, g.object(map[string]func() any{
			"name":     g.oneOf("data", VolumeName("/tmp"), VolumeName("/tmp")+"-2", VolumeName("/var/run")),
			"emptyDir": g.oneOf(map[string]any{}, map[string]any{"sizeLimit": "64Mi"}, map[string]any{"sizeLimit": "65536Ki"}, map[string]any{"sizeLimit": "1Mi", "medium": "Memory"}, map[string]any{"sizeLimit": "x"}),
		}, g.anything))
	}
	return list
}

func (g generator) mounts() any {
	list := []any{}
	for range g.IntN(3) {
		list = append(list, g.object(map[string]func() any{
			"name":      g.oneOf("data", VolumeName("/tmp")),
			"mountPath": g.oneOf("/tmp", "/tmp/", "/var", "/data", "", "/tmp/x"),
		}, g.anything))
	}
	return list
}

func (g generator) securityContext() any {
	members := map[string]func() any{
		"allowPrivilegeEscalation": g.oneOf(true, false),
		"capabilities": func() any {
			return g.object(map[string]func() any{
				"add":  g.oneOf([]string{}, []string{"ALL"}, []string{"NET_ADMIN", "CAP_SYS_ADMIN"}),
				"drop": g.oneOf([]string{}, []string{"ALL"}, []string{"NET_RAW"}),
			}, g.anything)
		},
		"privileged":             g.oneOf(true, false),
		"readOnlyRootFilesystem": g.oneOf(true, false),
		"runAsNonRoot":           g.oneOf(true, false),
		"runAsUser":              g.oneOf(0, 1000, 1<<40),
		"runAsGroup":             g.oneOf(0, 1000),
		"seccompProfile":         g.oneOf(map[string]any{}, map[string]any{"type": "Unconfined"}, "odd"),
	}
	if g.IntN(20) == 0 { // seldom, since one makes the whole pod a Windows pod
		members["windowsOptions"] = g.oneOf(map[string]any{}, map[string]any{"runAsUserName": "ContainerAdministrator"})
	}
	return g.object(members, g.anything)
}

func (g generator) oneOf(values ...any) func() any {
	return func() any { return values[g.IntN(len(values))] }
}

func (g generator) text() any {
	return g.oneOf("", "x", "a/b~1c", "\u2028é\x00", "capabilities.drop", "SecurityContext", "future", `"\`)()
}

func (g generator) anything() any {
	return g.oneOf(nil, true, 0, -1.5, json.Number("12345678901234567890"), "", []any{}, map[string]any{}, map[string]any{"securityContext": nil}, []any{nil, map[string]any{"a": []int{1}}})()
}
