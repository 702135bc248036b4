// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// show creates the legacy Pod in each namespace with kubectl, mistypes a label, and ends with
// the picture of one container. It returns an error if a result is not as expected.
func (d *demo) show(ctx context.Context) error {
	before, err := d.webhook.Metrics(ctx)
	if err != nil {
		return err
	}
	d.title("1. Namespace plain has no label. The Pod keeps what its author wrote:")
	plain, err := d.create(ctx, "plain")
	if err != nil {
		return err
	}
	d.title("2. Namespace preview has the label caseharden.io/warn=hardened.\n   The Pod stays as it is, and kubectl prints warnings:")
	warned, err := d.create(ctx, "preview")
	if err != nil {
		return err
	}
	d.title("3. The label guard rejects a label that would have no effect:")
	if err := d.showLabelGuard(ctx); err != nil {
		return err
	}
	d.title("4. Namespace shop has the label caseharden.io/enforce=hardened:")
	shop, err := d.create(ctx, "shop")
	if err != nil {
		return err
	}

	pods := map[string]*corev1.Pod{}
	for _, n := range namespaces {
		if pods[n.name], err = d.client.CoreV1().Pods(n.name).Get(ctx, "legacy", metav1.GetOptions{}); err != nil {
			return err
		}
	}
	result, err := d.readResult(pods["shop"])
	if err != nil {
		return err
	}
	after, err := d.webhook.Metrics(ctx)
	if err != nil {
		return err
	}
	warnings := map[string]int{}
	for name, output := range map[string]string{"plain": plain, "preview": warned, "shop": shop} {
		warnings[name] = strings.Count(output, "Warning: caseharden: ")
	}
	if err := check(pods, result, warnings, after.Since(before)); err != nil {
		return err
	}

	d.text("Container database. A plus marks what Caseharden filled in:")
	d.picture(result["database"])
	return nil
}

// picture prints what became of each setting of a container.
func (d *demo) picture(settings []decision) {
	for _, s := range settings {
		switch s.outcome {
		case "inject":
			d.text("%s", d.in(green, fmt.Sprintf(" + %s: %s", s.field, s.value)))
		case "leave":
			d.text("   %s: %s (set by the author)", s.field, s.value)
		case "skip":
			d.text("%s", d.in(yellow, fmt.Sprintf("   %s: skipped (%s)", s.field, s.reason)))
		}
	}
}

// create creates the legacy Pod in a namespace, and shows what kubectl prints.
func (d *demo) create(ctx context.Context, namespace string) (output string, err error) {
	d.text("$ kubectl create -n %s -f - < e2e/demo/legacy.yaml", namespace)
	output, err = d.runKubectl(ctx, "create", "-n", namespace, "-f", "-")
	if err != nil {
		return "", fmt.Errorf("kubectl create: %w: %s", err, output)
	}
	shown := strings.Split(strings.TrimSpace(output), "\n")
	if more := len(shown) - 2; more > 1 {
		shown = []string{shown[0], fmt.Sprintf("(%d more warnings)", more), shown[len(shown)-1]}
	}
	for _, line := range shown {
		d.text("%s", wrap(line))
	}
	return output, nil
}

// wrap breaks a line between words so that it fits a terminal of 80 columns.
func wrap(line string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(line, " ") {
		switch {
		case i > 0 && column+1+len(word) > 80:
			b.WriteString("\n  ")
			column = 2
		case i > 0:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// invite says what does not run here, and what to try.
func (d *demo) invite() {
	d.text("")
	d.text("No scheduler, controllers or kubelet run: no Pod starts, and a Deployment")
	d.text("creates none. On Linux, make demo-cluster runs the containers.")
	d.title("The demo stays up until you press Ctrl-C. In another terminal, try:")
	d.text("  export KUBECONFIG=%s", d.controlPlane.Kubeconfig())
	d.text("  alias kubectl=%s", d.kubectl)
	d.text("  kubectl get pod legacy -n shop -o yaml")
	d.text("  kubectl label namespace plain caseharden.io/enforce=restricted")
	d.text("  kubectl run web --image=nginx -n plain --dry-run=server -o yaml")
}
