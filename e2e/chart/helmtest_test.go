// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

func unmarshal(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// testPod creates what helm test creates, in its order and but for the Pod, and returns the Pod.
func (in *installation) testPod(t *testing.T) *corev1.Pod {
	t.Helper()
	hooks, stderr, err := run(t, in.env, "", helmBinary, "get", "hooks", "caseharden", "--namespace=caseharden")
	if err != nil {
		t.Fatal(stderr)
	}
	objects, err := manifests.Decode([]byte(hooks))
	if err != nil {
		t.Fatal(err)
	}
	var pod *corev1.Pod
	for _, weight := range []string{"-2", "-1", ""} {
		for _, o := range objects {
			if o.GetAnnotations()["helm.sh/hook"] != "test" {
				t.Fatalf("%s %s is a hook for %q", o.GetKind(), o.GetName(), o.GetAnnotations()["helm.sh/hook"])
			}
			switch {
			case o.GetAnnotations()["helm.sh/hook-weight"] != weight:
			case o.GetKind() == "Pod":
				pod = &corev1.Pod{}
				if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, pod, true); err != nil {
					t.Fatal(err)
				}
			default:
				in.apply(t, o)
			}
		}
	}
	if pod == nil {
		t.Fatalf("there is no Pod in\n%s", hooks)
	}
	return pod
}

func (in *installation) apply(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := in.kubectl(t, string(text), "apply", "--server-side", "--validate=strict", "-f", "-"); err != nil {
		t.Fatalf("%s %s: %s", o.GetKind(), o.GetName(), stderr)
	}
}

// helmTest runs the program of the Pod of helm test, with its arguments and as its
// ServiceAccount, and more arguments.
func (in *installation) helmTest(t *testing.T, more ...string) (stdout, stderr string, err error) {
	t.Helper()
	pod := in.testPod(t)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := in.runner.WriteKubeconfig(t.Context(), pod.Spec.ServiceAccountName, kubeconfig); err != nil {
		t.Fatal(err)
	}
	args := append(append(pod.Spec.Containers[0].Args, "--kubeconfig="+kubeconfig), more...)
	return run(t, nil, "", binary, args...)
}

// helm test shows what a Pod gets, and fails where it gets nothing. Neither guard is in
// its way, and it may do no more than it has to. (A kubelet runs it in package node.)
func TestHelmTest(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.namespace(t, "caseharden", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	in.install(t)
	stdout, stderr, err := in.helmTest(t)
	if err != nil {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"A Pod in namespace " + testNamespace + ", created with dry run, is hardened by profile compatible:\n",
		"\n    runAsUser: 10001\n", "\n    readOnlyRootFilesystem: true\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}

	pod := in.testPod(t)
	t.Run("its pod", func(t *testing.T) {
		// Accepted where Pod Security enforces restricted.
		if _, err := in.client.CoreV1().Pods("caseharden").Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: "Strict"}); err != nil {
			t.Error(err)
		}
		deployment, err := in.client.AppsV1().Deployments("caseharden").Get(t.Context(), "caseharden", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		selector, err := metav1.LabelSelectorAsMap(deployment.Spec.Selector)
		if err != nil {
			t.Fatal(err)
		}
		differs := false
		for key, value := range selector {
			differs = differs || pod.Labels[key] != value
		}
		if !differs {
			t.Errorf("the Service takes it for a replica, by its labels %v", pod.Labels)
		}
	})
	t.Run("its permissions", func(t *testing.T) {
		account := "system:serviceaccount:caseharden:" + pod.Spec.ServiceAccountName
		for _, c := range []struct{ verb, resource, namespace, want string }{
			{"create", "pods", testNamespace, "yes"},
			{"create", "pods", "caseharden", "no"},
			{"delete", "pods", testNamespace, "no"},
			{"create", "pods --subresource=exec", testNamespace, "no"},
			{"get", "secrets", "caseharden", "no"},
			{"create", "secrets", testNamespace, "no"},
		} {
			stdout, stderr, _ := in.kubectl(t, "", append(strings.Fields("auth can-i "+c.verb+" "+c.resource), "--namespace="+c.namespace, "--as="+account)...)
			if got := strings.TrimSpace(stdout); got != c.want {
				t.Errorf("%s %s in namespace %s: %s, want %s\n%s", c.verb, c.resource, c.namespace, got, c.want, stderr)
			}
		}
	})

	t.Run("its namespace", func(t *testing.T) {
		privileged := true
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "privileged"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: "app", SecurityContext: &corev1.SecurityContext{Privileged: &privileged},
		}}}}
		if _, err := in.client.CoreV1().Pods(testNamespace).Create(t.Context(), pod, metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("a privileged pod: %v", err)
		}
	})

	// A namespace that asks for nothing; and one in which no replica answers.
	in.namespace(t, "plain", nil)
	in.kubectlOK(t, "create", "role", "test", "--verb=create", "--resource=pods", "--namespace=plain")
	in.kubectlOK(t, "create", "rolebinding", "test", "--role=test", "--serviceaccount=caseharden:caseharden-test", "--namespace=plain")
	_, stderr, err = in.helmTest(t, "--timeout=2s", "--namespace=plain")
	if err == nil || !strings.Contains(stderr, "a Pod in namespace plain: is not hardened") {
		t.Errorf("where nothing is hardened: %v: %s", err, stderr)
	}
	if err := in.runner.Stop(); err != nil {
		t.Fatal(err)
	}
	_, stderr, err = in.helmTest(t, "--timeout=2s")
	if err == nil || !strings.Contains(stderr, `failed calling webhook "enforce-`) {
		t.Errorf("without a replica: %v: %s", err, stderr)
	}
	in.kubectlOK(t, "delete", "mutatingwebhookconfiguration", "caseharden")
	bedtest.Within(t, soon, "pods to be as they are", func() error {
		_, stderr, _ = in.helmTest(t, "--timeout=0s")
		if !strings.Contains(stderr, "a Pod in namespace "+testNamespace+": is not hardened") {
			return errors.New(stderr)
		}
		return nil
	})
}
