// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
	"github.com/caseharden/caseharden/e2e/testbed/poll"
)

// soon is how long what takes seconds may take, on a machine that is busy.
const soon = time.Minute

// CreateNamespace creates a namespace and returns when pods can be created in it.
func (c *Cluster) CreateNamespace(ctx context.Context, name string, labels map[string]string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := c.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return err
	}
	return poll.Within(ctx, soon, "namespace "+name, func() error { return c.namespaceReady(ctx, name) })
}

// namespaceReady returns an error until the controllers have made what pods in the
// namespace need.
func (c *Cluster) namespaceReady(ctx context.Context, name string) error {
	if _, err := c.client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	_, err := c.client.CoreV1().ConfigMaps(name).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	return err
}

// Report waits for what command probe prints in a container, and returns the last of it.
func (c *Cluster) Report(ctx context.Context, namespace, pod, container string) (r kernel.Report, err error) {
	err = poll.Within(ctx, soon, fmt.Sprintf("log of %s/%s, container %s", namespace, pod, container), func() error {
		log, err := c.client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container}).DoRaw(ctx)
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
			return fmt.Errorf("%q: %w", log, err)
		}
		return nil
	})
	return r, err
}

// Pod waits until a pod of the namespace with this label, such as app=web, is ready, and
// returns it. Pods that are being deleted do not count.
func (c *Cluster) Pod(ctx context.Context, namespace, label string) (found *corev1.Pod, err error) {
	err = poll.Within(ctx, soon, "pod "+label+" in "+namespace, func() error {
		pods, err := c.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: label})
		if err != nil {
			return err
		}
		status := "there is none"
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp != nil {
				continue
			}
			for _, condition := range pod.Status.Conditions {
				if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
					found = &pod
					return nil
				}
			}
			text, _ := json.Marshal(pod.Status) // of a type of the API
			status = string(text)
		}
		return errors.New(status)
	})
	return found, err
}

// KubectlPath is where kubectl is.
func (c *Cluster) KubectlPath() string { return c.programs.kubectl }

// Kubectl runs kubectl on the cluster, with stdin if that is not nil, and returns what it
// prints. If it fails the error has what it says.
func (c *Cluster) Kubectl(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.programs.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "HOME="+c.Dir())
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(stdout), err
}
