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

// show sends the legacy Pod to each namespace, shows the results, and then the label
// guard. It returns an error if a result is not as expected.
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
	hazards, err := readHazards(ctx, d.binary)
	if err != nil {
		return err
	}

	d.title("Namespace plain has no label. The Pod keeps the security contexts that its author wrote:")
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

	d.title("Namespace shop has the label caseharden.io/enforce: hardened. The same Pod there:")
	d.text("%s injected, was unset   %s left, set by the author   %s skipped, with the reason   %s hazard, may break the application\n",
		d.in(green, "+"), d.in(faint, "="), d.in(yellow, "!"), d.in(red, "?"))
	for _, c := range allContainers(pods["shop"]) {
		d.text("%s  %s", d.in(bold, c.Name), d.in(faint, descriptions[c.Name]))
		for _, line := range result[c.Name] {
			d.decision(line, hazards[c.Name])
		}
	}
	d.title("The annotation on the Pod lists the injected settings:")
	d.text("%s: %s", injectedAnnotation, pods["shop"].Annotations[injectedAnnotation])

	d.title("Namespace preview has the label caseharden.io/warn: hardened. The Pod stays as it is, and the client gets warnings:")
	for _, w := range warned["preview"] {
		d.text("%s %s", d.in(yellow, "Warning:"), w)
	}

	after, err := d.webhook.Metrics(ctx)
	if err != nil {
		return err
	}
	moved := after.Since(before)
	d.title("These metrics have changed, by:")
	others := 0
	for _, series := range slices.Sorted(maps.Keys(moved)) {
		if strings.Contains(series, `mode="warn"`) && strings.HasPrefix(series, "caseharden_decisions_total") {
			others++
			continue
		}
		d.text("%s %v", series, moved[series])
	}
	d.text("and %d series of decisions in mode warn", others)
	if err := d.showLabelGuard(ctx); err != nil {
		return err
	}
	if err := d.check(pods, result, hazards, warned, moved); err != nil {
		return err
	}
	d.title("All results are as expected.")
	d.text("%d of %d containers have hazards. Before you enforce a profile, fix the manifests or add exceptions to the profile:", len(hazards), len(result))
	d.text("  %s preview -f e2e/demo/legacy.yaml", d.binary)
	return nil
}

// decision prints a line such as "+ runAsUser: 10001", and the hazards that the setting
// brings. Only an injected setting without a hazard is green.
func (d *demo) decision(l decision, hazards []hazard) {
	hazards = slices.DeleteFunc(slices.Clone(hazards), func(h hazard) bool { return hazardFields[h.ID] != l.field })
	switch l.outcome {
	case "inject":
		colour := green
		if len(hazards) > 0 {
			colour = yellow
		}
		d.text("  %s %s", d.in(colour, "+"), d.in(colour, fmt.Sprintf("%s: %s", l.field, l.value)))
	case "leave":
		d.text("  %s %s", d.in(faint, "="), d.in(faint, fmt.Sprintf("%s: %s (set-on-container)", l.field, l.value)))
	case "skip":
		d.text("  %s %s", d.in(yellow, "!"), d.in(yellow, fmt.Sprintf("%s: skipped (%s): %s", l.field, l.reason, explanations[l.field])))
	}
	for _, h := range hazards {
		d.text("    %s %s", d.in(red, "?"), d.in(red, fmt.Sprintf("%s: %s", h.ID, h.What)))
	}
}

// What the containers of legacy.yaml are.
var descriptions = map[string]string{
	"migrate":     "an init container that sets nothing",
	"log-shipper": "a native sidecar that sets nothing, with a volume at /tmp",
	"web":         "adds a capability",
	"node-agent":  "privileged",
	"database":    "runs as root",
	"modern":      "sets everything itself",
}

// explanations are the reasons for which settings of legacy.yaml are skipped.
var explanations = map[string]string{
	"allowPrivilegeEscalation": "the API server refuses false beside privileged: true",
	"capabilities.drop":        "no effect in a privileged container",
	"runAsNonRoot":             "the kubelet would not start a container whose runAsUser is 0",
	"seccompProfile":           "no effect in a privileged container",
}

// expected are the fields that are not injected, by container. All others of the six
// are.
var expected = map[string]map[string]string{
	"migrate":     {},
	"log-shipper": {},
	"web":         {},
	"node-agent":  {"allowPrivilegeEscalation": "privileged", "capabilities.drop": "privileged", "seccompProfile": "privileged"},
	"database":    {"runAsNonRoot": "runs-as-root", "runAsUser": ""},
	"modern": {"allowPrivilegeEscalation": "", "capabilities.drop": "", "readOnlyRootFilesystem": "",
		"runAsNonRoot": "", "runAsUser": "", "seccompProfile": ""},
}

// expectedHazards are the hazards by container.
var expectedHazards = map[string][]string{
	"migrate":    {"read-only-root"},
	"web":        {"added-capabilities-non-root", "read-only-root"},
	"node-agent": {"privileged-non-root", "read-only-root"},
	"database":   {"read-only-root", "root-loses-capabilities"},
}

// sameSecurityContexts reports whether the containers of two pods have the same
// security contexts.
func sameSecurityContexts(a, b *corev1.Pod) bool {
	return slices.EqualFunc(allContainers(a), allContainers(b), func(a, b corev1.Container) bool {
		return apiequality.Semantic.DeepEqual(a.SecurityContext, b.SecurityContext)
	})
}

// check returns an error if a result is not as expected.
func (d *demo) check(pods map[string]*corev1.Pod, result map[string][]decision, hazards map[string][]hazard, warned map[string][]string, moved map[string]float64) error {
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
	ids := map[string][]string{}
	for container, list := range hazards {
		for _, h := range list {
			ids[container] = append(ids[container], h.ID)
		}
	}
	if !maps.EqualFunc(ids, expectedHazards, slices.Equal) {
		complain("hazards: %q, want %q", ids, expectedHazards)
	}
	for _, name := range []string{"plain", "preview"} {
		if len(pods[name].Annotations) > 0 {
			complain("the pod in namespace %s was annotated: %v", name, pods[name].Annotations)
		}
		if sent := legacyPod(); !sameSecurityContexts(sent, pods[name]) {
			complain("the pod in namespace %s was changed", name)
		}
	}
	// There is a warning for every container but the one that sets everything.
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
		return fmt.Errorf("results are not as expected:\n%w", err)
	}
	return nil
}
