// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A report is what is read of the command's JSON.
type report struct {
	Conclusion, Sentence string
	Settings             []struct{ Container, Field, Verdict, Instead, Line string }
	Exceptions           []struct {
		Container string
		Differs   struct {
			Leave         []string
			Container     map[string]json.RawMessage
			WritablePaths []string
			Add           []string
		}
		Reason string
	}
	Document string
	Runs     []struct{ What, Outcome, Why, Line string }
	Proof    []struct{ What string }
	Evidence struct {
		Node   struct{ Name, Runtime, Kernel string }
		Images map[string]string
	}
	Notes []string
}

// A result is what the command came to.
type result struct {
	code           int
	stdout, stderr string
	report         report // of the first workload, where the output is JSON
	took           time.Duration
}

// command returns the command line, on the cluster.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(caseharden, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	return cmd
}

// try runs "caseharden trial --yes -o json" with further arguments.
func try(t *testing.T, args ...string) result {
	t.Helper()
	return finished(t, command(append([]string{"trial", "--yes", "-o", "json", "--hold=5s"}, args...)...))
}

// finished runs a command to its end.
func finished(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []report }
	if json.Unmarshal(stdout.Bytes(), &list) == nil && len(list.Items) > 0 {
		r.report = list.Items[0]
	}
	t.Logf("%s\nexit code %d\n%s", strings.Join(cmd.Args[1:], " "), r.code, r.stderr)
	return r
}

// left returns the names of the copies in a namespace.
func left(t *testing.T, namespace string) []string {
	t.Helper()
	pods, err := c.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "caseharden.io/trial"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pod := range pods.Items {
		names = append(names, pod.Name)
	}
	return names
}

// own returns the pods of a namespace that are no copies, with their restarts.
func own(t *testing.T, namespace string) map[string]int32 {
	t.Helper()
	pods, err := c.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "!caseharden.io/trial"})
	if err != nil {
		t.Fatal(err)
	}
	restarts := map[string]int32{}
	for _, pod := range pods.Items {
		restarts[string(pod.UID)] = 0
		for _, s := range append(pod.Status.ContainerStatuses, corev1.ContainerStatus{}) {
			restarts[string(pod.UID)] += s.RestartCount
		}
	}
	return restarts
}
