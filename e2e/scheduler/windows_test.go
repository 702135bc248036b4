// SPDX-License-Identifier: Apache-2.0

// Package scheduler holds what is said of where pods can run against the functions by which
// the scheduler and the kubelet decide it.
package scheduler

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// builds are values of the label of the Windows build. Kubelets set none that is a number,
// as Gt and Lt demand; somebody else may.
var builds = []string{"10.0.17763", "10.0.20348", "17763", "20348"}

// nodes of an operating system have its labels as kubelets set them, and those of people.
func nodes(os string) []*corev1.Node {
	var all []*corev1.Node
	for _, build := range builds {
		for _, zone := range []string{"", "a", "b"} {
			labels := map[string]string{"kubernetes.io/os": os, "beta.kubernetes.io/os": os}
			if os == "windows" {
				labels["node.kubernetes.io/windows-build"] = build
			}
			if zone != "" {
				labels["zone"] = zone
			}
			all = append(all, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", len(all)), Labels: labels}})
		}
	}
	return all
}

// A pod is for Windows exactly if a Windows node can take it and no Linux node can: by the
// function that the scheduler and the kubelet use, on pods with arbitrary selectors.
func TestWindowsPods(t *testing.T) {
	binary, err := webhook.Compile(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	w, err := webhook.Start(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	taken := func(p *corev1.Pod, os string) bool {
		required := nodeaffinity.GetRequiredNodeAffinity(p)
		for _, n := range nodes(os) {
			if matches, err := required.Match(n); err == nil && matches {
				return true
			}
		}
		return false
	}
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[bool]int{}
	for range 5_000 {
		p := &corev1.Pod{Spec: arbitrary(random)}
		windows, linux := taken(p, "windows"), taken(p, "linux")
		if !windows && !linux {
			continue // it never runs
		}
		got := isForWindows(t, w, p)
		if want := !linux; got != want {
			t.Fatalf("for Windows: %t, want %t, as nodes take it: windows %t, linux %t\n%+v", got, want, windows, linux, p.Spec)
		}
		seen[got]++
	}
	if seen[true] < 500 || seen[false] < 500 {
		t.Errorf("pods for Windows and others: %v", seen)
	}
}

// isForWindows reports whether the webhook takes a pod for one: it fills in no setting of Linux.
func isForWindows(t *testing.T, w *webhook.Webhook, p *corev1.Pod) bool {
	t.Helper()
	p.Spec.Containers = []corev1.Container{{Name: "app", Image: "app"}}
	object, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Operation: admissionv1.Create, Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Object: runtime.RawExtension{Raw: object},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	code, body, err := w.Post(t.Context(), "/enforce/hardened", review)
	if err != nil || code != http.StatusOK {
		t.Fatalf("%d %s, %v", code, body, err)
	}
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	patch := string(answer.Response.Patch)
	if !strings.Contains(patch, "runAsNonRoot") {
		t.Fatalf("not hardened: %s", body)
	}
	return !strings.Contains(patch, "allowPrivilegeEscalation")
}

// arbitrary returns a spec with a node selector and a required node affinity, or without.
func arbitrary(random *rand.Rand) corev1.PodSpec {
	var spec corev1.PodSpec
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	if random.IntN(4) == 0 {
		spec.NodeSelector = map[string]string{}
		for range random.IntN(3) {
			switch key := pick("kubernetes.io/os", "beta.kubernetes.io/os", "node.kubernetes.io/windows-build", "zone"); key {
			case "zone":
				spec.NodeSelector[key] = pick("a", "b")
			case "node.kubernetes.io/windows-build":
				spec.NodeSelector[key] = pick(builds...)
			default:
				spec.NodeSelector[key] = pick("windows", "linux")
			}
		}
	}
	if random.IntN(8) == 0 {
		return spec
	}
	required := &corev1.NodeSelector{}
	for range 1 + random.IntN(3) {
		var term corev1.NodeSelectorTerm
		if random.IntN(6) == 0 {
			term.MatchFields = []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"node-0"}}}
		}
		for range random.IntN(4) {
			term.MatchExpressions = append(term.MatchExpressions, requirement(random, pick))
		}
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, term)
	}
	spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
	return spec
}

// requirement returns one that the API server accepts. Those on other labels leave nodes of
// every system, together too.
func requirement(random *rand.Rand, pick func(...string) string) corev1.NodeSelectorRequirement {
	key := pick("kubernetes.io/os", "beta.kubernetes.io/os", "node.kubernetes.io/windows-build", "disk")
	values := map[string][]string{
		"kubernetes.io/os":                 {"windows", "linux", "darwin"},
		"beta.kubernetes.io/os":            {"windows", "linux", "darwin"},
		"node.kubernetes.io/windows-build": builds,
	}[key]
	if values == nil {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"hdd"}}
	}
	r := corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOperator(pick("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))}
	switch r.Operator {
	case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn:
		for range 1 + random.IntN(2) {
			r.Values = append(r.Values, pick(values...))
		}
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		r.Values = []string{pick("17000", "18000", "30000")}
	}
	return r
}
