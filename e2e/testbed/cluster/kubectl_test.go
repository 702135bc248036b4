// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// TestKubectl does what people do with a running pod.
func TestKubectl(t *testing.T) {
	ns := "--namespace=" + namespace(t)
	bedtest.Kubectl(t, c, "", "run", ns, "probe", "--image="+ProbeName)
	bedtest.Kubectl(t, c, "", "wait", ns, "--for=condition=Ready", "--timeout=60s", "pod/probe")

	if got := bedtest.Kubectl(t, c, "", "logs", ns, "probe"); !strings.Contains(got, `"NoNewPrivs":"0"`) {
		t.Errorf("kubectl logs: %q", got)
	}
	if got := bedtest.Kubectl(t, c, "", "exec", ns, "probe", "--", "/probe", "-exit"); !strings.Contains(got, `"Uid":"0 0 0 0"`) {
		t.Errorf("kubectl exec: %q", got)
	}

	// The pod of an author who knows nothing of the API server is known to it.
	who := "system:serviceaccount:testkubectl:default\n"
	if got := bedtest.Kubectl(t, c, "", "exec", ns, "probe", "--", "/probe", "-exit", "-whoami"); got != who {
		t.Errorf("the pod is known to the API server as %q, want %q", got, who)
	}

	bedtest.Kubectl(t, c, "", "debug", ns, "probe", "--image="+ProbeName, "--container=debugger", "--profile=general", "--", "/probe")
	got, err := c.Report(t.Context(), "testkubectl", "probe", "debugger")
	if err != nil {
		t.Fatal(err)
	}
	if got.Status["Uid"] != "0 0 0 0" {
		t.Errorf("kubectl debug: %v", got)
	}
}
