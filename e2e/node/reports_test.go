// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

const (
	none      = "0000000000000000"
	byDefault = "00000000a80425fb" // containerd's fourteen capabilities
)

// plainReport is what the kernel says of a container that nobody has hardened: it sets
// nothing, and no more does its pod.
var plainReport = kernel.Report{
	Status: map[string]string{
		"Uid": "0 0 0 0", "Gid": "0 0 0 0", "Groups": "0",
		"CapInh": none, "CapPrm": byDefault, "CapEff": byDefault, "CapBnd": byDefault, "CapAmb": none,
		"NoNewPrivs": "0", "Seccomp": "0",
	},
	Writes: map[string]string{"/": "ok"},
}

// hardenedReport is what the kernel says of the same container with all of profile hardened.
var hardenedReport = kernel.Report{
	Status: map[string]string{
		"Uid": "10001 10001 10001 10001", "Gid": "0 0 0 0", "Groups": "0",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
		"NoNewPrivs": "1", "Seccomp": "2",
	},
	Writes: map[string]string{"/": "EROFS"},
}

// decode reads what command probe prints.
func decode(t *testing.T, line string) (r kernel.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return r
}

// soon is how long what takes seconds may take, on a machine that is busy.
const soon = time.Minute

// ready waits until a pod with the label app is ready.
func ready(t *testing.T, namespace, app string) *corev1.Pod {
	t.Helper()
	pod, err := c.Pod(t.Context(), namespace, "app="+app)
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

// report returns what the kernel says in a container.
func report(t *testing.T, namespace, pod, container string) kernel.Report {
	t.Helper()
	r, err := c.Report(t.Context(), namespace, pod, container)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
