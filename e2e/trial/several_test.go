// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// All workloads of a namespace, of every kind, one after the other: one profile is written,
// and it is valid.
func TestAllWorkloads(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "several", nil)
	bedtest.Apply(t, c, ns, `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: images.test/actor:1, args: ["-write=/tmp/x"]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  serviceName: db
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: images.test/actor-with-user:1, volumeMounts: [{name: data, mountPath: /data}]}]}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: once, image: images.test/actor:1, args: ["-finish", "-write=/run/x"]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: nightly, image: images.test/actor:1, args: ["-finish"]}]}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec:
  initContainers:
  - {name: first, image: images.test/actor:1, args: ["-finish"]}
  - {name: beside, image: images.test/actor:1, restartPolicy: Always, args: ["-write=/tmp/beside"]}
  containers:
  - {name: main, image: images.test/probe:1}
`)
	r := finished(t, command("trial", "--all", "-n", ns, "--yes", "--hold=4s", "--volumes=empty", "-o", "profile"))
	if r.code != 2 {
		t.Fatalf("exit code %d, want 2\n%s", r.code, r.stdout)
	}
	for _, want := range []string{
		"# DaemonSet several/agent: exceptions are needed.", "# StatefulSet several/db: all settings work.",
		"# Job several/once: exceptions are needed.", "# CronJob several/nightly: all settings work.",
		"# Pod several/alone: exceptions are needed.", "name: several",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the profile has no %q:\n%s", want, r.stdout)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "several.yaml"), []byte(r.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if v := finished(t, command("profiles", "validate", dir)); v.code != 0 {
		t.Errorf("the profile is not valid: %s", v.stderr)
	}
	if names := left(t, ns); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
	if cluster.ProbeName != "images.test/probe:1" {
		t.Error("the probe has another name now")
	}
}
