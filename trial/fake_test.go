// SPDX-License-Identifier: Apache-2.0

package trial_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/watch"
)

// An application is what a container does: after which time it ends, with which words, or
// never.
type application func(c corev1.Container, pod *corev1.Pod) ending

type ending struct {
	after time.Duration // 0: it runs on
	says  string
	code  int32
	warns string // what it says while it runs on
	again string // what it says after it was killed, as it ends; empty: it runs on
}

// fakeCluster runs applications by the clock of the test: it stands for API server, kubelet
// and runtime.
type fakeCluster struct {
	t    *testing.T
	apps map[string]application // by container

	mu      sync.Mutex // guards the following
	pods    map[string]*fakePod
	most    int // pods at the same time
	created int
	deaf    bool                                 // single pods are not deleted
	quota   int                                  // 0: none
	refuse  func(pod *corev1.Pod) error          // admission
	change  func(pod *unstructured.Unstructured) // admission
	serves  func(pod *corev1.Pod) (int, string)  // for exec and requests
	away    func(now time.Time) bool             // the API server is not there
}

type fakePod struct {
	pod   *corev1.Pod
	begun time.Time
}

func (f *fakeCluster) unavailable() error {
	if f.away != nil && f.away(time.Now()) {
		return fmt.Errorf("connection refused")
	}
	return nil
}

func (f *fakeCluster) Create(_ context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.unavailable(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	pod := &corev1.Pod{}
	if err := json.Unmarshal(text, pod); err != nil {
		return nil, err
	}
	pods := schema.GroupResource{Resource: "pods"}
	if f.quota > 0 && len(f.pods) >= f.quota {
		return nil, apierrors.NewForbidden(pods, pod.Name, fmt.Errorf("exceeded quota: q, used: pods=%d", f.quota))
	}
	if f.refuse != nil {
		if err := f.refuse(pod); err != nil {
			return nil, apierrors.NewForbidden(pods, pod.Name, err)
		}
	}
	stored := o.DeepCopy()
	if f.change != nil {
		f.change(stored)
	}
	pod.Spec.NodeName = "node-1"
	f.created++
	f.pods[pod.Name] = &fakePod{pod: pod, begun: time.Now()}
	f.most = max(f.most, len(f.pods))
	return stored, nil
}

// startTime is how long a container takes from its creation to being ready.
const startTime = 2 * time.Second

func (f *fakeCluster) Pod(_ context.Context, name string) (*corev1.Pod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.unavailable(); err != nil {
		return nil, err
	}
	p := f.pods[name]
	if p == nil {
		return nil, nil
	}
	pod := p.pod.DeepCopy()
	ready := true
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
	for _, c := range pod.Spec.Containers {
		s := f.status(p, c)
		ready = ready && s.Ready
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, s)
	}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.ContainersReady, Status: status})
	return pod, nil
}

// status is what the kubelet says of a container by now.
func (f *fakeCluster) status(p *fakePod, c corev1.Container) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: c.Name, ImageID: "registry.example.com/" + c.Name + "@sha256:1234", User: &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{}}}
	if c.SecurityContext != nil && c.SecurityContext.RunAsUser != nil {
		s.User.Linux.UID = *c.SecurityContext.RunAsUser
	}
	age := time.Since(p.begun)
	app := f.apps[c.Name](c, p.pod)
	if age < startTime {
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
		return s
	}
	begun := p.begun.Add(startTime)
	if kill := c.LivenessProbe; kill != nil {
		lives := time.Duration(kill.InitialDelaySeconds) * time.Second
		if n := int32((age - startTime) / lives); n > 0 && app.after == 0 {
			s.RestartCount = n
			s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "Error", StartedAt: metav1.NewTime(begun), FinishedAt: metav1.NewTime(begun.Add(lives))}
		}
	}
	if up := age - startTime; s.RestartCount > 0 && app.again != "" && up > time.Duration(c.LivenessProbe.InitialDelaySeconds)*time.Second+2*time.Second {
		s.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", StartedAt: metav1.NewTime(begun), FinishedAt: metav1.NewTime(begun)}
		return s
	}
	if app.after > 0 && age > startTime+app.after {
		s.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: app.code, Reason: "Error", StartedAt: metav1.NewTime(begun), FinishedAt: metav1.NewTime(begun.Add(app.after))}
		return s
	}
	s.State.Running, s.Ready = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(begun)}, true
	return s
}

func (f *fakeCluster) Delete(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf {
		return errors.New("try again later")
	}
	delete(f.pods, name)
	return nil
}

func (f *fakeCluster) DeleteAll(context.Context, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.pods)
	return nil
}

func (f *fakeCluster) Events(context.Context, string) ([]watch.Event, error) { return nil, nil }

func (f *fakeCluster) Log(_ context.Context, name, container string, _ bool) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pods[name]
	if p == nil {
		return "", fmt.Errorf("no pod %s", name)
	}
	i := slices.IndexFunc(p.pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	app := f.apps[container](p.pod.Spec.Containers[i], p.pod)
	if app.after > 0 && time.Since(p.begun) > startTime+app.after {
		return app.says + "\n", nil
	}
	return app.warns + app.again + "\n", nil
}

func (f *fakeCluster) Exec(_ context.Context, name, _ string, command []string) (int, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serves == nil || strings.Contains(command[len(command)-1], "/proc") {
		return 0, "", fmt.Errorf("no program cat")
	}
	code, output := f.serves(f.pods[name].pod)
	return code, output, nil
}

func (f *fakeCluster) Get(ctx context.Context, name string, _ int, _ string) (int, string, error) {
	return f.Exec(ctx, name, "", []string{"get"})
}

func (f *fakeCluster) Node(context.Context, string) trial.Node {
	return trial.Node{Name: "node-1", Runtime: "containerd://2.2.0", Kernel: "6.18"}
}

// What applications ask of their container.

func uid(c corev1.Container) int64 {
	if c.SecurityContext == nil || c.SecurityContext.RunAsUser == nil {
		return 0
	}
	return *c.SecurityContext.RunAsUser
}

func has(c corev1.Container, capability corev1.Capability) bool {
	if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil {
		return true
	}
	drop := c.SecurityContext.Capabilities.Drop
	return !slices.Contains(drop, "ALL") && !slices.Contains(drop, capability)
}

func canWrite(c corev1.Container, path string) bool {
	readOnly := c.SecurityContext != nil && c.SecurityContext.ReadOnlyRootFilesystem != nil && *c.SecurityContext.ReadOnlyRootFilesystem
	return !readOnly || slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return strings.HasPrefix(path, m.MountPath+"/") })
}

// hides reports whether a volume is mounted above a file of the image.
func hides(c corev1.Container, path string) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return strings.HasPrefix(path, m.MountPath+"/") })
}

func mounted(c corev1.Container, path string) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == path })
}

func crash(says string) ending { return ending{after: time.Second, says: says, code: 1} }
