// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Kill ends a container, by its ID as the status of its pod has it, with SIGKILL, as the
// kernel would: the kubelet starts it again.
func (c *Cluster) Kill(ctx context.Context, containerID string) error {
	conn, err := c.dialCRI()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = cri.NewRuntimeServiceClient(conn).StopContainer(ctx, &cri.StopContainerRequest{ContainerId: bareID(containerID)})
	return err
}

// bareID returns what follows containerd:// in the status of a pod.
func bareID(containerID string) string {
	return containerID[strings.LastIndex(containerID, "/")+1:]
}

// A RootFS is the file system of a running container, as an overlay has it: what the image
// brings, and what the container changed in it. What is in volumes is in neither.
type RootFS struct {
	Lower []string // directories of the image, the topmost first
	Upper string   // the directory of what was changed
}

// RootFS returns the file system of a running container.
func (c *Cluster) RootFS(ctx context.Context, containerID string) (RootFS, error) {
	conn, err := c.dialCRI()
	if err != nil {
		return RootFS{}, err
	}
	defer conn.Close()
	status, err := cri.NewRuntimeServiceClient(conn).ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: bareID(containerID), Verbose: true})
	if err != nil {
		return RootFS{}, err
	}
	var info struct{ PID int }
	if err := json.Unmarshal([]byte(status.Info["info"]), &info); err != nil || info.PID == 0 {
		return RootFS{}, fmt.Errorf("container %s: no process in %s", containerID, status.Info["info"])
	}
	mounts, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(info.PID), "mountinfo"))
	if err != nil {
		return RootFS{}, err
	}
	return parseRootFS(string(mounts))
}

// parseRootFS finds the mount of / in what proc(5) describes as mountinfo.
func parseRootFS(mounts string) (fs RootFS, err error) {
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[4] != "/" {
			continue
		}
		for option := range strings.SplitSeq(fields[len(fields)-1], ",") {
			key, value, _ := strings.Cut(option, "=")
			switch key {
			case "lowerdir":
				fs.Lower = strings.Split(value, ":")
			case "upperdir":
				fs.Upper = value
			}
		}
	}
	if fs.Upper == "" || len(fs.Lower) == 0 {
		return RootFS{}, fmt.Errorf("the root file system is no overlay:\n%s", mounts)
	}
	return fs, nil
}

// Exec runs a command in a container, and returns what it prints.
func (c *Cluster) Exec(ctx context.Context, namespace, pod, container string, command []string) (string, error) {
	request := c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(c.Config(), "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}); err != nil {
		return "", fmt.Errorf("%s: %w: %.300s", command[0], err, stderr.String())
	}
	return stdout.String(), nil
}
