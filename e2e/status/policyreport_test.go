// SPDX-License-Identifier: Apache-2.0

package status

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// kubectlWith runs kubectl as an administrator, and returns what it prints.
func kubectlWith(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kubectl", args...)
	cmd.Path = bin + "/kubectl"
	cmd.Env = append(os.Environ(), "KUBECONFIG="+controlPlane.Kubeconfig())
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The reports are as the CustomResourceDefinitions of those who made the formats have them:
// the API server takes each, and knows every field.
func TestPolicyReports(t *testing.T) {
	t.Parallel()
	files, err := tools.CRDs(t.Context(), "policyreport", "openreports")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if out, err := kubectlWith(t, "", "apply", "--server-side", "-f", file); err != nil {
			t.Fatal(out)
		}
	}
	if out, err := kubectlWith(t, "", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"); err != nil {
		t.Fatal(out)
	}
	// All kinds of results: fail, warn, error and pass.
	const name = "reported"
	namespace(t, name, map[string]string{"caseharden.io/enforce": "hardened", "caseharden.io/warn": "mistake"})
	reported(t, deploy(t, name, "fails"), waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"))
	reported(t, deploy(t, name, "well"), corev1.ContainerStatus{Ready: true})

	for output, kind := range map[string]string{"policyreport": "policyreports.wgpolicyk8s.io", "openreports": "reports.openreports.io"} {
		report := command.Run(t, caseharden, controlPlane.Kubeconfig(), "-n", name, "-o", output).Stdout
		apply := func(text string) (string, error) {
			return kubectlWith(t, text, "apply", "--server-side", "--validate=strict", "-f", "-")
		}
		if out, err := apply(report); err != nil {
			t.Errorf("%s: %s\n%s", output, out, report)
		}
		got, err := kubectlWith(t, "", "get", kind, "caseharden", "-n", name, "-o", "jsonpath={.summary} {.results[*].result}")
		for _, want := range []string{`"fail":1`, `"error":1`, "fail", "warn", "error"} {
			if err != nil || !strings.Contains(got, want) {
				t.Errorf("%s: it is kept as %s, want %s", output, got, want)
			}
		}
		// What the schema does not have is refused.
		for part, other := range map[string]string{`"result": "fail"`: `"result": "broken"`, `"rule"`: `"rules"`} {
			wrong := strings.Replace(report, part, other, 1)
			if out, err := apply(wrong); err == nil || wrong == report {
				t.Errorf("%s: %s was accepted: %s", output, other, out)
			}
		}
	}
}
