// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/cluster"
)

// podCases are pods, as their spec, and the security contexts that their containers are
// to have then.
var podCases = []struct {
	name, spec string
	want       map[string]string
}{
	{
		name: "unset",
		spec: `{initContainers: [{name: init}], containers: [{name: app}, {name: other}]}`,
		want: map[string]string{"init": allSix, "app": allSix, "other": allSix},
	},
	{
		name: "set on the container",
		spec: `{initContainers: [{name: init, securityContext: {runAsUser: 7}}], containers: [
			{name: app, securityContext: {allowPrivilegeEscalation: true, capabilities: {add: [CHOWN]}, readOnlyRootFilesystem: false}},
			{name: other, securityContext: {runAsNonRoot: false, seccompProfile: {type: Unconfined}, capabilities: {drop: [NET_RAW]}}}]}`,
		want: map[string]string{
			"init":  `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 7, seccompProfile: {type: RuntimeDefault}}`,
			"app":   `{allowPrivilegeEscalation: true, capabilities: {add: [CHOWN], drop: [ALL]}, readOnlyRootFilesystem: false, runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}`,
			"other": `{allowPrivilegeEscalation: false, capabilities: {drop: [NET_RAW]}, readOnlyRootFilesystem: true, runAsNonRoot: false, runAsUser: 10001, seccompProfile: {type: Unconfined}}`,
		},
	},
	{
		name: "set on the pod",
		spec: `{securityContext: {runAsUser: 7, runAsNonRoot: true, seccompProfile: {type: Unconfined}},
			initContainers: [{name: init, securityContext: {runAsGroup: 7}}], containers: [{name: app}]}`,
		want: map[string]string{
			"init": `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsGroup: 7}`,
			"app":  `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}`,
		},
	},
	{
		name: "root",
		spec: `{securityContext: {runAsUser: 0}, initContainers: [{name: init, securityContext: {runAsUser: 7}}], containers: [
			{name: app}, {name: other, securityContext: {runAsGroup: 7}}]}`,
		want: map[string]string{
			"init":  `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 7, seccompProfile: {type: RuntimeDefault}}`,
			"app":   `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, seccompProfile: {type: RuntimeDefault}}`,
			"other": `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsGroup: 7, seccompProfile: {type: RuntimeDefault}}`,
		},
	},
	{
		name: "conflicts",
		spec: `{initContainers: [{name: init, securityContext: {privileged: true}}], containers: [
			{name: app, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}},
			{name: other, securityContext: {capabilities: {add: [ALL]}}}]}`,
		want: map[string]string{
			"init":  `{privileged: true, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001}`,
			"app":   `{capabilities: {add: [CAP_SYS_ADMIN], drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}`,
			"other": `{allowPrivilegeEscalation: false, capabilities: {add: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}`,
		},
	},
	{
		name: "all set",
		spec: `{containers: [{name: app, securityContext: ` + allSix + `}]}`,
		want: map[string]string{"app": allSix},
	},
}

// TestPolicies creates the same pods under each formulation of the policy: all of them
// have to do the same.
func TestPolicies(t *testing.T) {
	controlPlane, err := cluster.Start(t.Context(), cluster.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer controlPlane.Stop()
	client, err := kubernetes.NewForConfig(controlPlane.Config())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formulations {
		name := f.name
		t.Run(name, func(t *testing.T) {
			namespace := "policy-" + name
			labels := map[string]string{"test": name}
			_, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
				ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: labels},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := installPolicy(t.Context(), client, name, labels); err != nil {
				t.Fatal(err)
			}
			for _, tt := range podCases {
				want := map[string]*corev1.SecurityContext{}
				for container, text := range tt.want {
					want[container] = new(corev1.SecurityContext)
					if err := yaml.UnmarshalStrict([]byte(text), want[container]); err != nil {
						t.Fatal(err)
					}
				}
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod"}}
				if err := yaml.UnmarshalStrict([]byte(tt.spec), &pod.Spec); err != nil {
					t.Fatalf("%s: %v", tt.name, err)
				}
				for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
					for i := range list {
						list[i].Image = "app"
					}
				}
				// The API server needs a moment to take up a policy.
				var diff string
				for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
					created, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
					if err != nil {
						t.Fatalf("%s: %v", tt.name, err)
					}
					if diff = cmp.Diff(want, securityContexts(created)); diff == "" || tt.name != podCases[0].name || time.Now().After(deadline) {
						break
					}
				}
				if diff != "" {
					t.Errorf("%s: security contexts (-want +got):\n%s", tt.name, diff)
				}
			}
		})
	}
}

// TestPod holds what the patch of the limit assumes.
func TestPod(t *testing.T) {
	pod, err := readPod()
	if err != nil {
		t.Fatal(err)
	}
	if pod.Spec.Containers[0].SecurityContext != nil {
		t.Error("the first container has a security context, on which the patch of the limit would not apply")
	}
}
