// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// finding is what either engine says of a container, or of the Pod.
var finding = regexp.MustCompile(`((?:init |ephemeral )?container "[^"]+"|the pod) would get ([A-Za-z., ]+?)(, and an emptyDir at [^ ;]+(?:, [^ ;]+)*)?(?:;|$| \(profile)`)

// findingsIn returns, by container, what warnings say that it would get.
func findingsIn(warnings []string) map[string]string {
	found := map[string]string{}
	for _, w := range warnings {
		for _, m := range finding.FindAllStringSubmatch(w, -1) {
			found[m[1]] = m[2] + m[3]
		}
	}
	return found
}

// warningsOf returns the warnings of Caseharden or of its policies that come with a dry run.
func warningsOf(t *testing.T, create func(client kubernetes.Interface) error) []string {
	t.Helper()
	var heard collector
	config := rest.CopyConfig(controlPlane.Config())
	config.WarningHandlerWithContext = &heard
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(c); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(heard.warnings, func(w string) bool { return !strings.Contains(w, "caseharden") })
}

type collector struct{ warnings []string }

func (c *collector) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	c.warnings = append(c.warnings, text)
}

// In mode warn the policy names what the webhook fills in in mode enforce: on Pods, and on
// workloads by their template.
func TestPolicyWarnings(t *testing.T) {
	applyPolicies(t, "everything", "warn,audit")
	applyPolicies(t, "hardened", "warn,audit")
	applyPolicies(t, "asked", "warn,audit")
	for _, profile := range []string{"hardened", "everything", "asked"} {
		t.Run(profile, func(t *testing.T) {
			byPolicy := newNamespace(t, map[string]string{engineLabel + "warn": profile})
			waitForWarning(t, byPolicy)
			for name, manifest := range map[string]string{
				"bare":       `spec: {containers: [{name: app}]}`,
				"init":       `spec: {initContainers: [{name: first, securityContext: {privileged: true}}], containers: [{name: app, securityContext: {runAsUser: 0}}]}`,
				"windows":    `spec: {os: {name: windows}, containers: [{name: app}]}`,
				"exceptions": `spec: {containers: [{name: b}, {name: c, image: jenkins/jenkins}]}`,
				"hardened":   `spec: {securityContext: {runAsNonRoot: true, runAsUser: 5, seccompProfile: {type: RuntimeDefault}}, containers: [{name: app, securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]}`,
			} {
				p := pod(t, manifest)
				want := filledIn(t, profile, p)
				for kind, create := range map[string]func(string) func(kubernetes.Interface) error{
					"Pod": func(namespace string) func(kubernetes.Interface) error {
						return func(c kubernetes.Interface) error {
							_, err := c.CoreV1().Pods(namespace).Create(t.Context(), p, dryRun(""))
							return err
						}
					},
					"PodTemplate": func(namespace string) func(kubernetes.Interface) error {
						return func(c kubernetes.Interface) error {
							template := &corev1.PodTemplate{ObjectMeta: metav1.ObjectMeta{Name: "t"}, Template: corev1.PodTemplateSpec{Spec: p.Spec}}
							_, err := c.CoreV1().PodTemplates(namespace).Create(t.Context(), template, dryRun(""))
							return err
						}
					},
					"ReplicationController": func(namespace string) func(kubernetes.Interface) error {
						return func(c kubernetes.Interface) error {
							labels := map[string]string{"app": "x"}
							rc := &corev1.ReplicationController{ObjectMeta: metav1.ObjectMeta{Name: "rc"}, Spec: corev1.ReplicationControllerSpec{Selector: labels, Template: &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: p.Spec}}}
							_, err := c.CoreV1().ReplicationControllers(namespace).Create(t.Context(), rc, dryRun(""))
							return err
						}
					},
				} {
					got := findingsIn(warningsOf(t, create(byPolicy)))
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s, %s: the policy warns of something else than the webhook fills in (-webhook +policy):\n%s", name, kind, diff)
					}
				}
			}
		})
	}
}

// filledIn returns what the webhook fills in in mode enforce, as a warning has it.
func filledIn(t *testing.T, profile string, p *corev1.Pod) map[string]string {
	t.Helper()
	withOwnProfiles(t)
	admitted, err := client.CoreV1().Pods(newEnforced(t, profile)).Create(t.Context(), p, dryRun(""))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	var record struct {
		Containers, WritablePaths map[string][]string
		Pod                       []string
	}
	if text := admitted.Annotations["caseharden.io/injected"]; text != "" {
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range admitted.Spec.InitContainers {
		if fields := record.Containers[c.Name]; fields != nil {
			want[fmt.Sprintf("init container %q", c.Name)] = strings.Join(fields, ", ") + mountsAt(record.WritablePaths[c.Name])
		}
	}
	for _, c := range admitted.Spec.Containers {
		if fields := record.Containers[c.Name]; fields != nil {
			want[fmt.Sprintf("container %q", c.Name)] = strings.Join(fields, ", ") + mountsAt(record.WritablePaths[c.Name])
		}
	}
	if len(record.Pod) > 0 {
		want["the pod"] = strings.Join(record.Pod, ", ")
	}
	return want
}

func mountsAt(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	return ", and an emptyDir at " + strings.Join(paths, ", ")
}

// waitForWarning returns when a bare Pod gets a warning in the namespace.
func waitForWarning(t *testing.T, namespace string) {
	t.Helper()
	for range 200 {
		warnings := warningsOf(t, func(c kubernetes.Interface) error {
			_, err := c.CoreV1().Pods(namespace).Create(t.Context(), barePod(), dryRun(""))
			return err
		})
		if len(warnings) > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no warning after 10 s")
}

// Containers that kubectl debug adds come out of both engines the same, also in Pods with
// settings that conflict.
func TestEnginesAgreeOnEphemeralContainers(t *testing.T) {
	needsMutatingPolicies(t)
	withOwnProfiles(t)
	for _, profile := range []string{"hardened", "compatible", "debug", "everything", "exceptions", "asked"} {
		t.Run(profile, func(t *testing.T) {
			byPolicy, byWebhook := enforcedByPolicy(t, profile), newEnforced(t, profile)
			for name, manifest := range map[string]string{
				"bare":    `spec: {containers: [{name: app}]}`,
				"root":    `spec: {securityContext: {runAsUser: 0}, containers: [{name: app}]}`,
				"windows": `spec: {os: {name: windows}, containers: [{name: app}]}`,
				"label":   `spec: {containers: [{name: app, securityContext: {seLinuxOptions: {level: s0}}}]}`,
				"users":   `spec: {hostUsers: false, containers: [{name: app}]}`,
			} {
				contexts := map[string]map[string]string{}
				for engine, namespace := range map[string]string{"policy": byPolicy, "webhook": byWebhook} {
					// The Pod comes before the namespace has an engine, so that its own settings stay as they are.
					running := create(t, namespace, pod(t, manifest))
					for _, sc := range []*corev1.SecurityContext{nil, {}, {Privileged: new(true)}, {Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}}} {
						if name == "windows" && sc != nil && (sc.Privileged != nil || sc.Capabilities != nil) {
							continue
						}
						running.Spec.EphemeralContainers = append(running.Spec.EphemeralContainers, corev1.EphemeralContainer{
							EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: fmt.Sprintf("debug%d", len(running.Spec.EphemeralContainers)), Image: "debug", SecurityContext: sc, TerminationMessagePolicy: "File", ImagePullPolicy: "Always"},
						})
						updated, err := client.CoreV1().Pods(namespace).UpdateEphemeralContainers(t.Context(), running.Name, running, metav1.UpdateOptions{})
						if err != nil {
							t.Fatalf("%s by the %s: %v", name, engine, err)
						}
						running = updated
					}
					contexts[engine] = securityContexts(t, running)
				}
				if diff := cmp.Diff(contexts["webhook"], contexts["policy"]); diff != "" {
					t.Errorf("%s: the engines differ (-webhook +policy):\n%s", name, diff)
				}
			}
		})
	}
}
