// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package installed

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/whole"
)

// A Deployment that sets nothing runs hardened where its namespace enforces, by the
// kernel's own word, and as before where it does not.
func TestKernel(t *testing.T) {
	const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: legacy}
spec:
  selector: {matchLabels: {app: legacy}}
  template:
    metadata: {labels: {app: legacy}}
    spec:
      containers:
      - {name: app, image: ` + whole.ProbeName + `}
`
	for name, want := range map[string]map[string]string{
		"hardened": {"Uid": "10001 10001 10001 10001", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2", "/": "EROFS"},
		"plain":    {"Uid": "0 0 0 0", "CapEff": "00000000a80425fb", "CapBnd": "00000000a80425fb", "NoNewPrivs": "0", "Seccomp": "0", "/": "ok"},
	} {
		labels := enforcing(name)
		if name == "plain" {
			labels = nil
		}
		ns := namespace(t, "kernel-"+name, labels)
		apply(t, ns, manifest)
		pod, err := c.Pod(t.Context(), ns, "app=legacy")
		if err != nil {
			t.Fatal(err)
		}
		report, err := c.Report(t.Context(), ns, pod.Name, "app")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{"/": report.Writes["/"]}
		for key := range want {
			if key != "/" {
				got[key] = report.Status[key]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
