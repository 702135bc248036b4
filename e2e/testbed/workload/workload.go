// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package workload runs the pod of a Deployment on a whole cluster until it is known
// whether it serves: it answers requests, its container is killed, and it answers again,
// since some servers end at their second start.
//
// Start reading at Run.
package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/serves"
)

// A Workload is what is run.
type Workload struct {
	Namespace  string            // is created, and deleted when Run returns
	Labels     map[string]string // of the namespace
	Objects    string            // manifests of what the pod needs, or empty
	Deployment *appsv1.Deployment
	Checks     []serves.Check
	Patience   time.Duration // for each of the two starts
	// Look, if set, is called while it serves, before the container is killed.
	Look func(ctx context.Context, pod *corev1.Pod) error
}

// An Outcome says if a workload serves, and if not, how that is known.
type Outcome struct {
	Works bool   `json:"works"`
	How   string `json:"how,omitempty"`
	Log   string `json:"log,omitempty"` // the end of what the container printed
}

// errFailed is known failure, as opposed to one that may pass.
type errFailed string

func (e errFailed) Error() string { return string(e) }

// Run runs a workload. An error is one of the test bed, and says nothing of the workload.
func Run(ctx context.Context, c *cluster.Cluster, w Workload) (Outcome, error) {
	if err := c.CreateNamespace(ctx, w.Namespace, w.Labels); err != nil {
		return Outcome{}, err
	}
	defer func() {
		// The namespace goes in its own time; what has ended keeps nobody waiting.
		_ = c.Client().CoreV1().Namespaces().Delete(context.WithoutCancel(ctx), w.Namespace, metav1.DeleteOptions{})
	}()
	if w.Objects != "" {
		if _, err := c.Kubectl(ctx, strings.NewReader(w.Objects), "apply", "--namespace="+w.Namespace, "-f", "-"); err != nil {
			return Outcome{}, err
		}
	}
	if _, err := c.Client().AppsV1().Deployments(w.Namespace).Create(ctx, w.Deployment, metav1.CreateOptions{}); err != nil {
		return Outcome{}, err
	}
	r := run{c: c, w: w}
	failed, err := r.twice(ctx)
	if err != nil || ctx.Err() != nil {
		return Outcome{}, errors.Join(ctx.Err(), err)
	}
	if failed == nil {
		return Outcome{Works: true}, nil
	}
	return Outcome{How: failed.Error(), Log: r.log(ctx)}, nil
}

type run struct {
	c   *cluster.Cluster
	w   Workload
	pod string // the name of the last that was seen
}

// twice returns why the workload does not serve, once it is started and after its
// container is killed.
func (r *run) twice(ctx context.Context) (failed, err error) {
	pod, failed := r.serves(ctx, 0)
	if failed != nil {
		return failed, nil
	}
	if r.w.Look != nil {
		if err := r.w.Look(ctx, pod); err != nil {
			return nil, err
		}
	}
	if err := r.c.Kill(ctx, pod.Status.ContainerStatuses[0].ContainerID); err != nil {
		return nil, fmt.Errorf("kill %s: %w", pod.Name, err)
	}
	if _, failed = r.serves(ctx, 1); failed != nil {
		return fmt.Errorf("at its second start: %w", failed), nil
	}
	return nil, nil
}

// serves waits until the container that has been started this often again serves.
func (r *run) serves(ctx context.Context, restarts int32) (*corev1.Pod, error) {
	deadline := time.Now().Add(r.w.Patience)
	for {
		pod, err := r.ask(ctx, restarts)
		if err == nil {
			return pod, nil
		}
		if _, known := errors.AsType[errFailed](err); known || ctx.Err() != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("does not serve: %w", err)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func (r *run) ask(ctx context.Context, restarts int32) (*corev1.Pod, error) {
	pods, err := r.c.Client().CoreV1().Pods(r.w.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	if len(pods.Items) == 0 {
		return nil, errors.New("no pod yet")
	}
	pod := &pods.Items[0]
	r.pod = pod.Name
	if err := state(pod, restarts); err != nil {
		return nil, err
	}
	target := serves.Target{Address: pod.Status.PodIP, Exec: func(ctx context.Context, command []string) (string, error) {
		return r.c.Exec(ctx, pod.Namespace, pod.Name, pod.Spec.Containers[0].Name, command)
	}}
	return pod, serves.All(ctx, target, r.w.Checks)
}

// state returns nil if the only container runs and has been started this often again.
func state(pod *corev1.Pod, restarts int32) error {
	if len(pod.Status.ContainerStatuses) != 1 {
		return fmt.Errorf("pod is %s", pod.Status.Phase)
	}
	status := pod.Status.ContainerStatuses[0]
	if ended := status.LastTerminationState.Terminated; status.RestartCount > restarts && ended != nil {
		return errFailed(fmt.Sprintf("container ended: %s, exit code %d: %s", ended.Reason, ended.ExitCode, ended.Message))
	}
	// After a kill the first end is not its own.
	if ended := status.State.Terminated; ended != nil && status.RestartCount == restarts && (restarts == 0 || ended.ExitCode != 137) {
		return errFailed(fmt.Sprintf("container ended: %s, exit code %d: %s", ended.Reason, ended.ExitCode, ended.Message))
	}
	if waiting := status.State.Waiting; waiting != nil {
		switch waiting.Reason {
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff", "ErrImageNeverPull", "ErrImagePull":
			return errFailed(waiting.Reason + ": " + waiting.Message)
		}
		return errors.New("container waits: " + waiting.Reason)
	}
	if status.State.Running == nil || status.RestartCount < restarts {
		return errors.New("container does not run")
	}
	return nil
}

// log returns the end of what the container printed, in its last life or this one.
func (r *run) log(ctx context.Context) string {
	lines := int64(30)
	for _, previous := range []bool{false, true} {
		log, err := r.c.Client().CoreV1().Pods(r.w.Namespace).GetLogs(r.pod, &corev1.PodLogOptions{TailLines: &lines, Previous: previous}).DoRaw(ctx)
		if err == nil && len(log) > 0 {
			return string(log)
		}
	}
	return ""
}
