// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

// Each controller makes pods with containers of every kind, none of which sets anything. The
// plain namespace is the control: without it, the other would prove nothing.
func TestEveryContainerOfEveryWorkloadIsHardened(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		labels map[string]string
		want   kernel.Report
	}{
		"hardened": {enforcing("hardened"), hardenedReport},
		"plain":    {nil, plainReport},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := bedtest.Namespace(t, c, "kernel-"+name, test.labels)
			bedtest.Apply(t, c, ns, workloads)
			// The schedule, which begins with a minute, would make the same Job.
			bedtest.Kubectl(t, c, "", "create", "job", "--namespace="+ns, "now", "--from=cronjob/cron")

			want, got := map[string]kernel.Report{}, map[string]kernel.Report{}
			for _, app := range []string{"deployment", "stateful", "daemon", "job", "cron"} {
				pod := ready(t, ns, app).Name
				// Other profiles of kubectl debug set something.
				bedtest.Kubectl(t, c, "", "debug", "--namespace="+ns, pod, "--image="+cluster.ProbeName,
					"--container=ephemeral", "--profile=baseline", "--", "/probe")
				for _, container := range []string{"init", "sidecar", "regular", "ephemeral"} {
					want[app+", "+container] = test.want
					got[app+", "+container] = report(t, ns, pod, container)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the kernel says (-want +got):\n%s", diff)
			}
		})
	}
}

// workloads are of every kind that makes pods.
var workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: deployment}
spec:
  selector: {matchLabels: {app: deployment}}
  template: ` + template("deployment", "Always") + `
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: stateful}
spec:
  selector: {matchLabels: {app: stateful}}
  serviceName: stateful
  template: ` + template("stateful", "Always") + `
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daemon}
spec:
  selector: {matchLabels: {app: daemon}}
  template: ` + template("daemon", "Always") + `
---
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  template: ` + template("job", "Never") + `
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template: ` + template("cron", "Never") + `
`

// template returns that of a legacy pod, with a container of each kind that a manifest can
// have.
func template(app, restartPolicy string) string {
	return fmt.Sprintf(`{
        metadata: {labels: {app: %s}},
        spec: {
          restartPolicy: %s,
          initContainers: [
            {name: init, image: %[3]s, args: [-exit]},
            {name: sidecar, image: %[3]s, restartPolicy: Always}],
          containers: [{name: regular, image: %[3]s}]}}`, app, restartPolicy, cluster.ProbeName)
}

// What people type: kubectl debug then asks for SYS_PTRACE. That is the author's word, so it
// stays in the bounding set, and without root it is not effective.
func TestDebuggerIsHardened(t *testing.T) {
	t.Parallel()
	const ptrace = "0000000000080000"
	for name, test := range map[string]struct {
		labels map[string]string
		want   map[string]string
	}{
		"hardened": {enforcing("hardened"), map[string]string{"Uid": "10001 10001 10001 10001", "CapEff": none, "CapBnd": ptrace}},
		"plain":    {nil, map[string]string{"Uid": "0 0 0 0", "CapEff": "00000000a80c25fb", "CapBnd": "00000000a80c25fb"}},
	} {
		ns := bedtest.Namespace(t, c, "debug-"+name, test.labels)
		bedtest.Kubectl(t, c, "", "run", "--namespace="+ns, "web", "--image="+cluster.ProbeName, "--labels=app=web")
		ready(t, ns, "web")
		bedtest.Kubectl(t, c, "", "debug", "--namespace="+ns, "web", "--image="+cluster.ProbeName, "--container=debugger", "--", "/probe")
		got := map[string]string{}
		for key, value := range report(t, ns, "web", "debugger").Status {
			if _, ok := test.want[key]; ok {
				got[key] = value
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: the kernel says (-want +got):\n%s", name, diff)
		}
	}
}
