// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// A conformance says how often an admission keeps the promises of Caseharden, in Pods of those
// that the API server accepts without it.
type conformance struct {
	accepted     int64 // without the admission
	refused      int64 // newly
	changed      int64 // a value of the author is another one, or lost
	unstartable  int64 // newly refused by the kubelet
	notConverged int64 // a second pass changes the Pod, or is refused
	restricted   int64 // pass Pod Security, level restricted
}

// TestConformance counts for the webhook, and for the policies of somebody else if the variable
// POLICIES names a file of them: MutatingAdmissionPolicy objects, or those of Kyverno's kind
// MutatingPolicy, of which Kyverno makes such objects too. The counts of the webhook must be what
// it promises. Those of others are facts for docs/comparison.md.
func TestConformance(t *testing.T) {
	pods := append(readCorpus(t), casePods(t)...)
	plain := conformanceOf(t, pods, nil)
	t.Logf("no admission: %+v", plain)
	ours := conformanceOf(t, pods, map[string]string{"caseharden.io/enforce": "restricted"})
	t.Logf("Caseharden, profile restricted: %+v", ours)
	if ours.refused+ours.changed+ours.unstartable+ours.notConverged > 0 || ours.restricted <= plain.restricted {
		t.Error("Caseharden does not keep its promises")
	}
	file := os.Getenv("POLICIES")
	if file == "" {
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"conformance": "theirs"}
	for _, object := range objects {
		if strings.HasPrefix(object.GetKind(), "Mutating") && !strings.HasSuffix(object.GetKind(), "Binding") {
			applyTheirs(t, object, labels)
		}
	}
	time.Sleep(3 * time.Second) // the API server reads its policies once a second
	t.Logf("%s: %+v", filepath.Base(file), conformanceOf(t, pods, labels))
}

// applyTheirs creates a policy for new Pods in the namespaces with the labels, until the test ends.
func applyTheirs(t *testing.T, theirs *unstructured.Unstructured, labels map[string]string) {
	t.Helper()
	spec, _, _ := unstructured.NestedMap(theirs.Object, "spec")
	for field := range spec {
		if !slices.Contains([]string{"failurePolicy", "matchConditions", "matchConstraints", "mutations", "reinvocationPolicy", "variables"}, field) {
			t.Logf("%s: the field %s is of Kyverno alone, and left out", theirs.GetName(), field)
			delete(spec, field)
		}
	}
	if spec["reinvocationPolicy"] == nil {
		spec["reinvocationPolicy"] = "Never"
	}
	object := func(kind string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": theirs.GetName()}, "spec": spec,
		}}
	}
	selector := map[string]any{}
	for key, value := range labels {
		selector[key] = value
	}
	createObject(t, object("MutatingAdmissionPolicy", spec))
	createObject(t, object("MutatingAdmissionPolicyBinding", map[string]any{
		"policyName":     theirs.GetName(),
		"matchResources": map[string]any{"namespaceSelector": map[string]any{"matchLabels": selector}},
	}))
}

// conformanceOf sends the Pods, in dry runs, to a namespace with the labels, and to one with
// them that also enforces Pod Security.
func conformanceOf(t *testing.T, pods []corpusPod, labels map[string]string) (c conformance) {
	t.Helper()
	secured := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	for key, value := range labels {
		secured[key] = value
	}
	without, with, judge := newNamespace(t, nil), newNamespace(t, labels), newNamespace(t, secured)
	ctx := t.Context()
	eachInParallel(len(pods), func(i int) {
		before, err := submit(ctx, without, pods[i].Pod, dryRun(""))
		if err != nil {
			return
		}
		atomic.AddInt64(&c.accepted, 1)
		count := func(counter *int64, what string, holds bool) {
			if holds && atomic.AddInt64(counter, 1) <= 3 {
				t.Logf("%s: %s", pods[i].Source, what)
			}
		}
		after, err := submit(ctx, with, pods[i].Pod, dryRun(""))
		if err != nil {
			count(&c.refused, fmt.Sprintf("newly refused: %v", err), true)
			return
		}
		own := maps.Clone(annotations(before))
		delete(own, "caseharden.io/injected") // it is not the author's
		lost := append(notKept("spec", before["spec"], after["spec"], false), notKept("annotations", anyMap(own), anyMap(annotations(after)), false)...)
		count(&c.changed, strings.Join(lost, "; "), len(lost) > 0)
		count(&c.unstartable, "newly refused by the kubelet", !refusedByKubelet(typed(t, before)) && refusedByKubelet(typed(t, after)))
		second, err := submit(ctx, with, after, dryRun(""))
		count(&c.notConverged, "a second pass changes it", err != nil || !reflect.DeepEqual(second["spec"], after["spec"]) || !reflect.DeepEqual(annotations(second), annotations(after)))
		if _, err := submit(ctx, judge, pods[i].Pod, dryRun("")); err == nil {
			atomic.AddInt64(&c.restricted, 1)
		}
	})
	return c
}
