// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// The mutation alone, by the API server's own code: the exported policy next to the hand-written
// one of the benchmark. Through an API server they are in make bench.
func BenchmarkMutation(b *testing.B) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		b.Fatal(err)
	}
	read := func(name string, into any) {
		data, err := os.ReadFile(filepath.Join(root, "e2e", "bench", name))
		if err == nil {
			err = yaml.UnmarshalStrict(data, into)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	var pod corev1.Pod
	var handwritten admissionregistrationv1.MutatingAdmissionPolicy
	read("pod.yaml", &pod)
	read("policy.yaml", &handwritten)
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
	for name, p := range map[string]compiled{"handwritten": compilePolicy(b, &handwritten), "exported": compile(b, "hardened")} {
		b.Run(name, func(b *testing.B) {
			patcher := patch.NewJSONPatcher(p.evaluator)
			b.ReportAllocs()
			for b.Loop() {
				versioned, err := attributesOf(&pod)
				if err != nil {
					b.Fatal(err)
				}
				request := patch.Request{VersionedAttributes: versioned, ObjectInterfaces: interfaces}
				if _, err := patcher.Patch(p.compiler.CreateContext(context.Background()), request, celconfig.RuntimeCELCostBudget); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
