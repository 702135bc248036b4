// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// show sends the legacy pod to each namespace and shows what came of it. It
// returns an error if that is not what it should be.
func (d *demo) show(ctx context.Context) error {
	before, err := d.webhook.Metrics(ctx)
	if err != nil {
		return err
	}
	pods := map[string]*corev1.Pod{}
	warned := map[string][]string{}
	for _, n := range namespaces {
		d.warnings.Take()
		options := metav1.CreateOptions{FieldManager: "demo-" + n.name}
		if pods[n.name], err = d.client.CoreV1().Pods(n.name).Create(ctx, legacyPod(), options); err != nil {
			return err
		}
		warned[n.name] = d.warnings.Take()
	}
	result, err := d.readResult(pods["shop"])
	if err != nil {
		return err
	}

	d.title("In namespace plain (no label) the pod is as its author wrote it; its security contexts:")
	for _, c := range allContainers(pods["plain"]) {
		written := "nothing set"
		if c.SecurityContext != nil {
			data, err := json.Marshal(c.SecurityContext)
			if err != nil {
				return err
			}
			written = string(data)
		}
		d.text("%s  %s", d.in(bold, c.Name), written)
	}

	d.title("The same pod in namespace shop (caseharden.io/enforce: hardened)")
	d.text("%s injected where it was unset   %s left as its author set it   %s skipped, and why\n", d.in(green, "+"), d.in(faint, "="), d.in(yellow, "!"))
	for _, c := range allContainers(pods["shop"]) {
		d.text("%s  %s", d.in(bold, c.Name), d.in(faint, descriptions[c.Name]))
		for _, line := range result[c.Name] {
			d.decision(line)
		}
	}
	d.title("What is written on the pod, for whoever looks later")
	d.text("%s: %s", injectedAnnotation, pods["shop"].Annotations[injectedAnnotation])

	d.title("In namespace preview (caseharden.io/warn: hardened) nothing changes, and the client is told")
	for _, w := range warned["preview"] {
		d.text("%s %s", d.in(yellow, "Warning:"), w)
	}

	after, err := d.webhook.Metrics(ctx)
	if err != nil {
		return err
	}
	moved := after.Since(before)
	d.title("The metrics that moved")
	others := 0
	for _, series := range slices.Sorted(maps.Keys(moved)) {
		if strings.Contains(series, `mode="warn"`) && strings.HasPrefix(series, "caseharden_decisions_total") {
			others++
			continue
		}
		d.text("%s %v", series, moved[series])
	}
	d.text("and %d series of decisions in mode warn", others)
	return d.check(pods, result, warned, moved)
}

// decision prints a line such as "+ runAsUser: 10001".
func (d *demo) decision(l decision) {
	switch l.outcome {
	case "inject":
		d.text("  %s %s", d.in(green, "+"), d.in(green, fmt.Sprintf("%s: %s", l.field, l.value)))
	case "leave":
		d.text("  %s %s", d.in(faint, "="), d.in(faint, fmt.Sprintf("%s: %s (set-on-container)", l.field, l.value)))
	case "skip":
		d.text("  %s %s", d.in(yellow, "!"), d.in(yellow, fmt.Sprintf("%s: skipped (%s): %s", l.field, l.reason, explanations[l.field])))
	}
}

// What the containers of legacy.yaml are.
var descriptions = map[string]string{
	"migrate":     "an init container that sets nothing",
	"log-shipper": "a native sidecar that sets nothing",
	"web":         "adds a capability",
	"node-agent":  "privileged",
	"database":    "runs as root",
	"modern":      "sets everything itself",
}

// explanations says why the skipped settings of legacy.yaml are.
var explanations = map[string]string{
	"allowPrivilegeEscalation": "the API server refuses false beside privileged: true",
	"capabilities.drop":        "it would have no effect in a privileged container",
	"runAsNonRoot":             "the kubelet would not start a container whose runAsUser is 0",
	"seccompProfile":           "it would have no effect in a privileged container",
}

// expected is what must be shown: the fields that are not injected, by
// container. All others of the six are.
var expected = map[string]map[string]string{
	"migrate":     {},
	"log-shipper": {},
	"web":         {},
	"node-agent":  {"allowPrivilegeEscalation": "privileged", "capabilities.drop": "privileged", "seccompProfile": "privileged"},
	"database":    {"runAsNonRoot": "runs-as-root", "runAsUser": ""},
	"modern": {"allowPrivilegeEscalation": "", "capabilities.drop": "", "readOnlyRootFilesystem": "",
		"runAsNonRoot": "", "runAsUser": "", "seccompProfile": ""},
}

// sameSecurityContexts says whether the containers of two pods have the same
// security contexts.
func sameSecurityContexts(a, b *corev1.Pod) bool {
	return slices.EqualFunc(allContainers(a), allContainers(b), func(a, b corev1.Container) bool {
		return apiequality.Semantic.DeepEqual(a.SecurityContext, b.SecurityContext)
	})
}

// check demands that what was shown is what it should be.
func (d *demo) check(pods map[string]*corev1.Pod, result map[string][]decision, warned map[string][]string, moved map[string]float64) error {
	var wrong []error
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf(format, args...))
	}
	injections := 0.0
	for container, exceptions := range expected {
		if len(result[container]) != len(profileFields) {
			complain("container %s: %d settings shown, want %d", container, len(result[container]), len(profileFields))
		}
		for _, l := range result[container] {
			reason, excepted := exceptions[l.field]
			want := "inject"
			switch {
			case excepted && reason == "":
				want = "leave"
			case excepted:
				want = "skip"
			default:
				injections++
			}
			if l.outcome != want || l.reason != reason {
				complain("container %s: %s: %s %s, want %s %s", container, l.field, l.outcome, l.reason, want, reason)
			}
		}
	}
	for _, name := range []string{"plain", "preview"} {
		if len(pods[name].Annotations) > 0 {
			complain("the pod in namespace %s was annotated: %v", name, pods[name].Annotations)
		}
		if sent := legacyPod(); !sameSecurityContexts(sent, pods[name]) {
			complain("the pod in namespace %s was changed", name)
		}
	}
	// Every container but the one that sets everything is warned of.
	if n := len(warned["preview"]); n != len(expected)-1 || len(warned["plain"])+len(warned["shop"]) > 0 {
		complain("warnings: %q", warned)
	}
	counted := 0.0
	for series, n := range moved {
		if strings.HasPrefix(series, "caseharden_decisions_total{") && strings.Contains(series, `mode="enforce",outcome="inject"`) {
			counted += n
		}
	}
	if counted != injections {
		complain("the metrics count %v injections, want %v", counted, injections)
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("what was shown is not as it should be:\n%w", err)
	}
	d.text("\n%s", d.in(green, "Everything above is as it should be."))
	return nil
}
