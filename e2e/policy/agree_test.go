// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/product/oddpods"
	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// Both engines make the same Pod: the webhook that runs, and the policy in the API server's own
// code. There is no API server, which would refuse some of the Pods, so that many can be
// compared in little time. In e2e/api there is one.
func TestEnginesAgreeWithoutServer(t *testing.T) {
	many := 300
	if _, err := fmt.Sscan(os.Getenv("FUZZ_PODS"), &many); err != nil && os.Getenv("FUZZ_PODS") != "" {
		t.Fatal(err)
	}
	pods := map[string]*corev1.Pod{}
	for name, manifest := range oddpods.Cases {
		pods[name] = typed(t, []byte(manifest))
	}
	for seed := range many {
		data, err := json.Marshal(oddpods.Random(uint64(seed)))
		if err != nil {
			t.Fatal(err)
		}
		pods[fmt.Sprintf("fuzz %d", seed)] = typed(t, data)
	}
	w, err := webhook.Start(t.Context(), binary(t), t.TempDir(), flags(t)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	for _, profile := range profiles(t) {
		t.Run(profile, func(t *testing.T) {
			p := compile(t, profile)
			changed, differ := 0, 0
			for name, pod := range pods {
				if _, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
					continue // the conditions of the policies are not evaluated here
				}
				want, got := byWebhook(t, w, profile, pod), p.mutate(t, pod)
				if want != asText(t, pod) {
					changed++
				}
				if want != got {
					if differ++; differ <= 3 {
						t.Errorf("%s: the engines differ (-webhook +policy):\n%s", name, cmp.Diff(strings.Split(want, ","), strings.Split(got, ",")))
					}
				}
			}
			t.Logf("%d Pods, %d with something filled in, %d differ", len(pods), changed, differ)
			if changed == 0 {
				t.Error("the Pods test nothing")
			}
		})
	}
}

// typed returns a Pod as admission has it: an API server defaults its securityContext.
func typed(t *testing.T, data []byte) *corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := yaml.Unmarshal(data, &pod); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	if pod.Name == "" {
		pod.Name = "pod"
	}
	if pod.Spec.SecurityContext == nil {
		pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	return &pod
}

func asText(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	pod = pod.DeepCopy()
	pod.TypeMeta.APIVersion, pod.TypeMeta.Kind = "v1", "Pod"
	data, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func byWebhook(t *testing.T, w *webhook.Webhook, profile string, pod *corev1.Pod) string {
	t.Helper()
	review, err := reviews.Of(pod)
	if err != nil {
		t.Fatal(err)
	}
	code, body, err := w.Post(t.Context(), "/enforce/"+profile, review)
	if err != nil || code != http.StatusOK {
		t.Fatalf("%d %v: %s", code, err, body)
	}
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Response.Patch == nil {
		return asText(t, pod)
	}
	operations, err := jsonpatch.DecodePatch(answer.Response.Patch)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := operations.Apply([]byte(asText(t, pod)))
	if err != nil {
		t.Fatalf("%v: %s", err, answer.Response.Patch)
	}
	return asText(t, typed(t, patched))
}

// mutate returns the Pod as the policy leaves it.
func (p compiled) mutate(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	versioned, err := attributesOf(pod.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	request := patch.Request{VersionedAttributes: versioned, ObjectInterfaces: interfaces}
	patched, err := patch.NewJSONPatcher(p.evaluator).Patch(p.compiler.CreateContext(context.Background()), request, celconfig.RuntimeCELCostBudget)
	if err != nil {
		t.Fatalf("%v: %s", err, asText(t, pod))
	}
	return asText(t, patched.(*corev1.Pod))
}

// flags name the profiles of the examples and of the tests.
func flags(t testing.TB) []string {
	return []string{"--profiles=" + examples(t), "--profiles=" + filepath.Join(examples(t), "..", "..", "..", "mutate", "testdata")}
}
