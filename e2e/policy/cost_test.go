// SPDX-License-Identifier: Apache-2.0

// Package policy measures what the exported policies cost, by the API server's own code: it
// refuses a Pod for which an expression is over its budget.
package policy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// maxContainers is the size up to which a Pod is admitted by every profile that is shipped or
// shown: docs/engines.md says so. A kubelet runs at most some hundred.
const maxContainers = 300

// A Pod with as many containers costs less than half of the budget: the API server's bound for
// all expressions of a policy. None of its expressions is over the bound for one.
func TestCost(t *testing.T) {
	for _, profile := range profiles(t) {
		t.Run(profile, func(t *testing.T) {
			p := compile(t, profile)
			for name, pod := range map[string]*corev1.Pod{
				"bare":     podOf(maxContainers, func(*corev1.Container) {}),
				"settings": podOf(maxContainers, settings),
			} {
				cost, err := p.cost(pod)
				t.Logf("%s: %d containers cost %d, %.1f %% of the budget", name, maxContainers, cost, 100*float64(cost)/celconfig.RuntimeCELCostBudget)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if cost > celconfig.RuntimeCELCostBudget/2 {
					t.Errorf("%s: more than half of the budget", name)
				}
				if os.Getenv("COST_LIMITS") != "" {
					t.Logf("%s: at most %d containers", name, p.limit(pod))
				}
			}
		})
	}
}

// settings has what makes conditions look at as much as they can.
func settings(c *corev1.Container) {
	c.Image = "registry.example.com/a/b/c/d:1"
	c.SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_RAW", "CHOWN", "KILL", "SYS_TIME"}}}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "a", MountPath: "/data/a"}, {Name: "b", MountPath: "/data/b"}}
}

func podOf(containers int, edit func(*corev1.Container)) *corev1.Pod {
	pod := webhook.BarePod()
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
	pod.Spec.Containers = nil
	for i := range containers {
		c := corev1.Container{Name: fmt.Sprintf("container-%d", i), Image: "app"}
		edit(&c)
		pod.Spec.Containers = append(pod.Spec.Containers, c)
	}
	return pod
}

// A compiled is a policy of mode enforce, as the API server compiles it (compilePolicy in
// k8s.io/apiserver/pkg/admission/plugin/policy/mutating, which is not exported).
type compiled struct {
	compiler  *plugincel.CompositedCompiler
	evaluator plugincel.MutatingEvaluator
}

func compile(t testing.TB, profile string) compiled {
	t.Helper()
	var policy admissionregistrationv1.MutatingAdmissionPolicy
	objects, err := manifests.Decode(export(t, profile))
	if err != nil {
		t.Fatal(err)
	}
	if err := manifests.One(objects[:1], "MutatingAdmissionPolicy", &policy); err != nil {
		t.Fatal(err)
	}
	return compilePolicy(t, &policy)
}

func compilePolicy(t testing.TB, policy *admissionregistrationv1.MutatingAdmissionPolicy) compiled {
	t.Helper()
	options := plugincel.OptionalVariableDeclarations{HasAuthorizer: true}
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range policy.Spec.Variables {
		if result := compiler.CompileAndStoreVariable(&validating.Variable{Name: v.Name, Expression: v.Expression}, options, environment.StoredExpressions); result.Error != nil {
			t.Fatalf("variable %s: %v", v.Name, result.Error)
		}
	}
	options.HasPatchTypes = true
	evaluator := compiler.CompileMutatingEvaluator(&patch.JSONPatchCondition{Expression: policy.Spec.Mutations[0].JSONPatch.Expression}, options, environment.StoredExpressions)
	if errs := evaluator.CompilationErrors(); len(errs) > 0 {
		t.Fatal(errs)
	}
	return compiled{compiler, evaluator}
}

// cost returns what the patch for a new Pod costs, with all the variables that it uses.
func (p compiled) cost(pod *corev1.Pod) (int64, error) {
	versioned, err := attributesOf(pod)
	if err != nil {
		return 0, err
	}
	ctx := p.compiler.CreateContext(context.Background())
	const budget = celconfig.RuntimeCELCostBudget
	result, left, err := p.evaluator.ForInput(ctx, versioned, &admissionv1.AdmissionRequest{}, plugincel.OptionalVariableBindings{}, nil, budget)
	if err == nil && result.Error != nil {
		err = result.Error
	}
	return budget - left, err
}

var interfaces = admission.NewObjectInterfacesFromScheme(scheme.Scheme)

// attributesOf returns what admission has of a new Pod. As after a condition, which all of the
// policies have, expressions read it by reflection.
func attributesOf(pod *corev1.Pod) (*admission.VersionedAttributes, error) {
	kind, resource := corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithResource("pods")
	attributes := admission.NewAttributesRecord(pod, nil, kind, "test", pod.Name, resource, "", admission.Create, nil, false, nil)
	versioned, err := admission.NewVersionedAttributes(attributes, kind, interfaces)
	if err == nil {
		//lint:ignore SA1019 A condition sets it, as long as it exists.
		versioned.VersionedObject.UseSchemalessTypeRef = true
	}
	return versioned, err
}

// limit returns for how many containers of a Pod the policy stays within all budgets.
func (p compiled) limit(pod *corev1.Pod) int {
	one := pod.Spec.Containers[0]
	low, high := 1, 1<<17
	for low < high {
		middle := (low + high + 1) / 2
		many := podOf(middle, func(c *corev1.Container) {
			name := c.Name
			*c = one
			c.Name = name
		})
		if _, err := p.cost(many); err != nil {
			high = middle - 1
		} else {
			low = middle
		}
	}
	return low
}

// export returns the policies of a profile for mode enforce.
func export(t testing.TB, profile string) []byte {
	t.Helper()
	output, err := exec.Command(binary(t), append([]string{"profiles", "export", profile, "--mode=enforce"}, flags(t)...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return output
}

var compileBinary = sync.OnceValues(func() (string, error) { return webhook.Compile(context.Background(), os.Stderr) })

func binary(t testing.TB) string {
	t.Helper()
	path, err := compileBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func examples(t testing.TB) string {
	t.Helper()
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "docs", "examples", "profiles")
}

// profiles returns the names of all profiles: those that are built in or shown, and of the tests.
func profiles(t *testing.T) []string {
	t.Helper()
	output, err := exec.Command(binary(t), append([]string{"profiles", "list", "-o", "name"}, flags(t)...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(output))
}
