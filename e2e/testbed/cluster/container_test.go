// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A container's writes are in the upper directory of its root file system, its image is in
// the lower ones, and it is started again when it is killed.
func TestContainer(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	bedtest.Apply(t, c, ns, `
apiVersion: v1
kind: Pod
metadata: {name: app, labels: {app: app}}
spec: {containers: [{name: app, image: `+ProbeName+`, args: [-fill=/tmp/file]}]}
`)
	pod, err := c.Pod(t.Context(), ns, "app=app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Report(t.Context(), ns, "app", "app"); err != nil { // it has written
		t.Fatal(err)
	}
	id := pod.Status.ContainerStatuses[0].ContainerID
	root, err := c.RootFS(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root.Upper, "tmp", "file")); err != nil {
		t.Errorf("what it wrote: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root.Lower[0], "probe")); err != nil {
		t.Errorf("what its image has: %v", err)
	}
	output, err := c.Exec(t.Context(), ns, "app", "app", []string{"/probe", "-exit"})
	if err != nil || !strings.Contains(output, "CapBnd") {
		t.Errorf("exec prints %q, %v", output, err)
	}
	if _, err := c.Exec(t.Context(), ns, "app", "app", []string{"/missing"}); err == nil {
		t.Error("exec of a program that is missing succeeds")
	}
	if err := c.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	bedtest.Within(t, soon, "another start", func() error {
		pod, err := c.Client().CoreV1().Pods(ns).Get(t.Context(), "app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		status := pod.Status.ContainerStatuses[0]
		if status.RestartCount != 1 || status.State.Running == nil {
			return fmt.Errorf("%v", status)
		}
		if ended := status.LastTerminationState.Terminated; ended == nil || ended.ExitCode != 137 {
			return errors.New("it was not killed")
		}
		return nil
	})
}

func TestParseRootFS(t *testing.T) {
	t.Parallel()
	const other = "30 29 0:50 / /proc rw,nosuid - proc proc rw\n"
	root, err := parseRootFS(other + "29 28 0:49 / / rw,relatime - overlay overlay rw,lowerdir=/a/2/fs:/a/1/fs,upperdir=/a/3/fs,workdir=/a/3/work\n")
	if err != nil || root.Upper != "/a/3/fs" || strings.Join(root.Lower, " ") != "/a/2/fs /a/1/fs" {
		t.Errorf("got %v, %v", root, err)
	}
	if _, err := parseRootFS(other); err == nil || !strings.Contains(err.Error(), "no overlay") {
		t.Errorf("without one: %v", err)
	}
}
