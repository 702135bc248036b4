// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

// TestKernel has the kernel tell a hardened container from one that is not: without the
// second, the first would prove nothing.
func TestKernel(t *testing.T) {
	ns := namespace(t)
	const (
		none      = "0000000000000000"
		byDefault = "00000000a80425fb" // containerd's fourteen
	)
	for _, test := range []struct {
		name, pod, container string
		want                 kernel.Report
	}{
		{
			name: "plain",
			want: kernel.Report{
				Status: map[string]string{
					"Uid": "0 0 0 0", "Gid": "0 0 0 0", "Groups": "0",
					"CapInh": none, "CapPrm": byDefault, "CapEff": byDefault, "CapBnd": byDefault, "CapAmb": none,
					"NoNewPrivs": "0", "Seccomp": "0",
				},
				Writes:  map[string]string{"/": "ok", "/tmp": "ok", "/data": "ok"},
				Files:   map[string]string{"/probe": "0:0 0755", "/data": "0:0 0777", "/none": "ENOENT"},
				Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"},
			},
		},
		{
			name: "hardened",
			pod:  "securityContext: {fsGroup: 2000, sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: '1024'}]}",
			container: `
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          runAsUser: 10001
          seccompProfile: {type: RuntimeDefault}`,
			want: kernel.Report{
				Status: map[string]string{
					"Uid": "10001 10001 10001 10001", "Gid": "0 0 0 0", "Groups": "0 2000",
					"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
					"NoNewPrivs": "1", "Seccomp": "2",
				},
				Writes:  map[string]string{"/": "EROFS", "/tmp": "EROFS", "/data": "ok"},
				Files:   map[string]string{"/probe": "0:0 0755", "/data": "0:2000 2777", "/none": "ENOENT"},
				Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			bedtest.Apply(t, c, ns, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: `+test.name+`}
spec:
  selector: {matchLabels: {app: `+test.name+`}}
  template:
    metadata: {labels: {app: `+test.name+`}}
    spec:
      `+test.pod+`
      containers:
      - name: app
        image: `+ProbeName+`
        args: ["-write=/,/tmp,/data", "-stat=/probe,/data,/none", -sysctl=net.ipv4.ip_unprivileged_port_start]
        volumeMounts: [{name: data, mountPath: /data}]`+test.container+`
      volumes:
      - name: data
        emptyDir: {sizeLimit: 1Mi}
`)
			pod, err := c.Pod(t.Context(), ns, "app="+test.name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Report(t.Context(), ns, pod.Name, "app")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the kernel says (-want +got):\n%s", diff)
			}
		})
	}
}
