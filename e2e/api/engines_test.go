// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/product/oddpods"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// engineLabel selects the namespaces in which a policy acts, instead of caseharden.io: so that
// each namespace has one engine.
const engineLabel = "policy.caseharden.io/"

// enforcedByPolicy exports a profile for mode enforce and returns a namespace in which the API
// server fills it in by itself.
func enforcedByPolicy(t *testing.T, profile string) string {
	t.Helper()
	applyPolicies(t, profile, "enforce")
	namespace := newNamespace(t, map[string]string{engineLabel + "enforce": profile})
	for range 200 {
		for _, manifest := range []string{
			`spec: {containers: [{name: app}]}`, `spec: {os: {name: windows}, containers: [{name: app}]}`,
			`spec: {securityContext: {runAsUser: 1}, containers: [{name: app}]}`, // a group is filled in beside a user only
		} {
			p, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod(t, manifest), dryRun(""))
			if err != nil {
				t.Fatal(err)
			}
			if p.Annotations["caseharden.io/injected"] != "" {
				return namespace
			}
		}
		time.Sleep(50 * time.Millisecond) // the API server reads its policies once a second
	}
	t.Fatalf("the policy of the profile %s has no effect after 10 s", profile)
	return ""
}

// applyPolicies creates the exported policies, bound to engineLabel, until the test ends.
func applyPolicies(t *testing.T, profile, modes string) {
	t.Helper()
	for _, object := range exported(t, profile, modes) {
		if selector, found, _ := unstructured.NestedStringMap(object.Object, "spec", "matchResources", "namespaceSelector", "matchLabels"); found {
			changed := map[string]any{}
			for label, value := range selector {
				changed[strings.Replace(label, "caseharden.io/", engineLabel, 1)] = value
			}
			if err := unstructured.SetNestedMap(object.Object, changed, "spec", "matchResources", "namespaceSelector", "matchLabels"); err != nil {
				t.Fatal(err)
			}
		}
		createObject(t, object)
	}
}

// createObject creates a policy or a binding, which the test deletes at its end. Unknown fields
// are errors.
func createObject(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	dynamicClient, err := dynamic.NewForConfig(controlPlane.Config())
	if err != nil {
		t.Fatal(err)
	}
	resource := object.GroupVersionKind().GroupVersion().WithResource(resources[object.GetKind()])
	if _, err := dynamicClient.Resource(resource).Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
	t.Cleanup(func() {
		if err := dynamicClient.Resource(resource).Delete(context.Background(), object.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

var resources = map[string]string{
	"MutatingAdmissionPolicy":          "mutatingadmissionpolicies",
	"MutatingAdmissionPolicyBinding":   "mutatingadmissionpolicybindings",
	"ValidatingAdmissionPolicy":        "validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

// exported returns what caseharden profiles export prints.
func exported(t *testing.T, profile, modes string) []*unstructured.Unstructured {
	t.Helper()
	args := append([]string{"profiles", "export", profile, "--mode=" + modes}, withOwnProfiles(t).flags()...)
	output, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	objects, err := manifests.Decode(output)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// exampleProfiles are the names of the profiles in docs/examples/profiles.
func exampleProfiles(t *testing.T) []string {
	t.Helper()
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "docs", "examples", "profiles", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no profiles: %v", err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	return names
}

// Both engines make the same Pod of the same manifest, byte for byte with the record: for all
// Pods of the corpus, of the conflict cases and of a fuzz, in every profile that is shipped
// or shown, and in those of the tests that have everything.
func TestEnginesAgree(t *testing.T) {
	needsMutatingPolicies(t)
	withOwnProfiles(t)
	pods := append(readCorpus(t), caseAndFuzzPods(t)...)
	profiles := append(builtinProfiles(t), exampleProfiles(t)...)
	for _, profile := range append(profiles, "everything", "exceptions", "writable", "writable-unlimited", "asked") {
		t.Run(profile, func(t *testing.T) { enginesAgree(t, profile, pods) })
	}
}

// The same for each value of each field, in the conflict cases.
func TestEnginesAgreeOnEachField(t *testing.T) {
	needsMutatingPolicies(t)
	withOwnProfiles(t)
	pods := casePods(t)
	profiles, err := fieldProfiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			if p.pod && fieldCases[p.field].os == "linux" && !keeps(t, setField(t, podObject(t, containersOf(fieldCases[p.field].spec)), p.field, p.value, true), p.field) {
				t.Skip("this version of Kubernetes does not have the field or the value, or drops it")
			}
			enginesAgree(t, p.name, pods)
		})
	}
}

// enginesAgree sends the Pods to a namespace of each engine, in dry runs.
func enginesAgree(t *testing.T, profile string, pods []corpusPod) {
	byPolicy, byWebhook := enforcedByPolicy(t, profile), newEnforced(t, profile)
	var accepted, changed, differ atomic.Int64
	eachInParallel(len(pods), func(i int) {
		p := pods[i]
		want, wantErr := submit(t.Context(), byWebhook, p.Pod, dryRun(""))
		got, err := submit(t.Context(), byPolicy, p.Pod, dryRun(""))
		switch {
		case (err == nil) != (wantErr == nil):
			t.Errorf("%s: by the policy: %v; by the webhook: %v", p.Source, err, wantErr)
		case err != nil:
		default:
			accepted.Add(1)
			if annotations(want)["caseharden.io/injected"] != nil {
				changed.Add(1)
			}
			if a, b := asBytes(t, want), asBytes(t, got); a != b && differ.Add(1) <= 5 {
				t.Errorf("%s: the engines differ (-webhook +policy):\n%s", p.Source, cmp.Diff(want, got))
			}
		}
	})
	t.Logf("%d Pods of %d accepted, %d with something filled in, %d differ", accepted.Load(), len(pods), changed.Load(), differ.Load())
	if accepted.Load() == 0 {
		t.Error("the Pods test nothing")
	}
}

// asBytes returns a Pod as bytes, without what no two Pods have in common.
func asBytes(t *testing.T, pod map[string]any) string {
	metadata := pod["metadata"].(map[string]any)
	for _, key := range []string{"namespace", "uid", "creationTimestamp", "managedFields"} {
		delete(metadata, key)
	}
	if metadata["generateName"] != nil {
		delete(metadata, "name")
	}
	data, err := json.Marshal(pod)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// builtinProfiles returns the names of the profiles that are part of the program.
var builtinNames = sync.OnceValues(func() ([]string, error) {
	output, err := exec.Command(binary, "profiles", "list", "-o", "name").Output()
	return strings.Fields(string(output)), err
})

func builtinProfiles(t *testing.T) []string {
	t.Helper()
	names, err := builtinNames()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(names)
}

// casePods returns the Pods of the conflict cases and their near misses.
func casePods(t *testing.T) []corpusPod {
	t.Helper()
	var pods []corpusPod
	add := func(name, manifest string) {
		p := corpusPod{Source: name, Pod: podObject(t, manifest)}
		pods = append(pods, p)
	}
	for name, tt := range conflictCases {
		add(name, tt.manifest)
	}
	for name, tt := range ownConflictCases {
		add(name, tt.manifest)
	}
	for name, manifest := range oddpods.Cases {
		add(name, manifest)
	}
	return pods
}

// caseAndFuzzPods adds Pods that are made by chance; FUZZ_PODS is how many.
func caseAndFuzzPods(t *testing.T) []corpusPod {
	t.Helper()
	many := 300
	if _, err := fmt.Sscan(os.Getenv("FUZZ_PODS"), &many); err != nil && os.Getenv("FUZZ_PODS") != "" {
		t.Fatal(err)
	}
	pods := casePods(t)
	for seed := range many {
		pods = append(pods, corpusPod{Source: fmt.Sprintf("fuzz %d", seed), Pod: oddpods.Random(uint64(seed))})
	}
	return pods
}
