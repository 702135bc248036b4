// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package failures

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/status/failures/image"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A Pod from before speaks for the suspicion, and tells the user that frees the workload.
func TestRanBefore(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "before", nil)
	a := application{name: "reads", profile: "hardened", image: image.App, command: script("cat /data/bin/secret && exec sleep 3600")}
	bedtest.Apply(t, c, ns, a.manifest())
	bedtest.Within(t, soon, "the Pod from before", func() error { return runs(t, ns, a.name) })
	shell(t, "kubectl label namespace before caseharden.io/enforce=hardened")
	bedtest.Within(t, soon, "the label to count", func() error {
		out, err := c.Kubectl(t.Context(), nil, "run", "-n", ns, "bare", "--image="+image.Root, "--dry-run=server", "-o", "jsonpath={.metadata.annotations}")
		if err == nil && !strings.Contains(out, "caseharden.io/injected") {
			err = fmt.Errorf("annotations %q", out)
		}
		return err
	})
	shell(t, "kubectl rollout restart -n before deployment/reads")
	var f command.Finding
	bedtest.Within(t, soon, "the suspicion", func() error {
		w := status(t, "-n", ns, "--logs").Workload(t, "Deployment", a.name)
		if len(w.Findings) != 1 || w.States["older"] != 1 || w.States["hardened"] != 1 {
			return fmt.Errorf("%+v", w)
		}
		f = w.Findings[0]
		return nil
	})
	if f.ID != "permission-denied" || !strings.Contains(f.Before, "is not hardened, and is ready") || !strings.Contains(f.Command, `"runAsUser":999`) {
		t.Errorf("finding = %+v", f)
	}
	shell(t, f.Command)
	bedtest.Within(t, soon, "the freed workload to run", func() error { return runs(t, ns, a.name) })
}
