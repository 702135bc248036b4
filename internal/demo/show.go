// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// preview returns the IDs of the findings of caseharden preview, by container.
func preview(ctx context.Context, binary, file string) (map[string][]string, error) {
	cmd := exec.CommandContext(ctx, binary, "preview", "-f", file, "-o", "json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("caseharden preview: %w\n%s", err, stderr.Bytes())
	}
	var report struct {
		Workloads []struct {
			Findings []struct{ ID, Container string }
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("caseharden preview: %w", err)
	}
	ids := map[string][]string{}
	for _, w := range report.Workloads {
		for _, f := range w.Findings {
			ids[f.Container] = append(ids[f.Container], f.ID)
		}
	}
	return ids, nil
}

// show prints what became of each container, and ends with the picture of one.
func show(w io.Writer, binary, file string, before *corev1.Pod, a *answer, findings map[string][]string) error {
	fmt.Fprintf(w, "%s under the profile hardened (SET: filled in):\n", file)
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "CONTAINER\tSET\tSKIPPED\tMAY BREAK")
	for _, c := range slices.Concat(before.Spec.InitContainers, before.Spec.Containers) {
		skipped := "-"
		if reasons := slices.Compact(slices.Sorted(maps.Values(a.skipped[c.Name]))); len(reasons) > 0 {
			skipped = fmt.Sprintf("%d: %s", len(a.skipped[c.Name]), strings.Join(reasons, ", "))
		}
		mayBreak := "-"
		if ids := findings[c.Name]; len(ids) > 0 {
			mayBreak = strings.Join(ids, ", ")
		}
		fmt.Fprintf(rows, "%s\t%d\t%s\t%s\n", c.Name, len(a.injected[c.Name]), skipped, mayBreak)
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	const pictured = "database" // it has one setting of its own, and one that is skipped
	old, err := securityContext(before, pictured)
	if err != nil {
		return err
	}
	hardened, err := securityContext(&a.pod, pictured)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nContainer %s. A plus marks what Caseharden filled in:\n", pictured)
	for _, line := range hardened {
		mark := "+"
		if slices.Contains(old, line) {
			mark = " "
		}
		fmt.Fprintf(w, " %s %s\n", mark, line)
	}
	_, err = fmt.Fprintf(w, `
No Kubernetes is running here. Try these commands:
  %[1]s preview -f %[2]s --explain legacy
  %[1]s preview -f %[2]s -o diff
  %[1]s preview -f %[2]s --profile restricted
`, binary, file)
	return err
}

// securityContext returns the security context of a container as lines of YAML.
func securityContext(pod *corev1.Pod, name string) ([]string, error) {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == name {
			text, err := yaml.Marshal(map[string]any{"securityContext": c.SecurityContext})
			return strings.Split(strings.TrimSpace(string(text)), "\n"), err
		}
	}
	return nil, fmt.Errorf("the Pod has no container %s", name)
}
