// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
	"github.com/caseharden/caseharden/e2e/testbed/poll"
)

// An outcome is what became of a pod: what the kernel said of its container app, or who
// refused it, with his words.
type outcome string

// create creates a pod. The outcome is empty if the API server takes it.
func create(t *testing.T, namespace string, pod *corev1.Pod) outcome {
	t.Helper()
	_, err := c.Client().CoreV1().Pods(namespace).Create(t.Context(), pod.DeepCopy(), metav1.CreateOptions{})
	if apierrors.IsInvalid(err) {
		return outcome("API server: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// await fills in the outcomes of those pods of a namespace that have none yet, by name. It
// waits for each that it is final or as wanted: a busy node may fail first in what it does
// next.
func await(t *testing.T, namespace string, want, got map[string]outcome) {
	t.Helper()
	for name, o := range got {
		if o != "" {
			continue
		}
		err := poll.Within(t.Context(), time.Minute, "pod "+namespace+"/"+name, func() error {
			pod, err := c.Client().CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			o, final, err := outcomeOf(t, pod)
			got[name] = o
			if err == nil && !final && !o.is(want[name]) {
				err = errors.New("it may still change: " + string(o))
			}
			return err
		})
		if err != nil {
			t.Log(err) // the outcome is not as wanted, which is for who compares them
		}
	}
}

// outcomeOf returns what has become of a pod so far, and whether it is final.
func outcomeOf(t *testing.T, pod *corev1.Pod) (o outcome, final bool, err error) {
	t.Helper()
	if pod.Status.Phase == corev1.PodSucceeded {
		report, err := c.Report(t.Context(), pod.Namespace, pod.Name, "app")
		return said(report), true, err
	}
	if pod.Status.Reason != "" {
		return outcome("kubelet: " + pod.Status.Reason + ": " + pod.Status.Message), true, nil
	}
	for _, status := range pod.Status.ContainerStatuses {
		if w := status.State.Waiting; w != nil && w.Message != "" {
			return outcome("kubelet: " + w.Reason + ": " + w.Message), false, nil
		}
		if s := status.State.Terminated; s != nil && s.ExitCode != 0 {
			return outcome("runtime: " + s.Reason + ": " + s.Message), true, nil
		}
	}
	events, err := c.Client().CoreV1().Events(pod.Namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: "reason=FailedCreatePodSandBox,involvedObject.name=" + pod.Name,
	})
	if err == nil && len(events.Items) > 0 {
		last := slices.MaxFunc(events.Items, func(a, b corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) })
		message := last.Message
		// So begin those of a kubelet that has failed ten times.
		return outcome("sandbox: " + strings.TrimPrefix(message, "(combined from similar events): ")), false, nil
	}
	return "nothing yet", false, err
}

// said puts a report into a line: "Uid=0 CapEff=a80425fb CapBnd=a80425fb NoNewPrivs=0
// Seccomp=0 /=ok". All the capabilities that there are here, as a privileged container has
// them, are "all".
func said(r kernel.Report) outcome {
	first, _, _ := strings.Cut(r.Status["Uid"], " ")
	return outcome(fmt.Sprintf("Uid=%s CapEff=%s CapBnd=%s NoNewPrivs=%s Seccomp=%s /=%s",
		first, capabilities(r.Status["CapEff"]), capabilities(r.Status["CapBnd"]), r.Status["NoNewPrivs"], r.Status["Seccomp"], r.Writes["/"]))
}

func capabilities(mask string) string {
	if here, err := kernel.Look(nil, nil, nil); err == nil && mask == here.Status["CapEff"] {
		return "all"
	}
	if short := strings.TrimLeft(mask, "0"); short != "" {
		return short
	}
	return "0"
}

// is reports whether an outcome is as wanted, where … stands for any words.
func (o outcome) is(want outcome) bool {
	first, rest, more := strings.Cut(string(want), "…")
	left, found := strings.CutPrefix(string(o), first)
	for found && more {
		first, rest, more = strings.Cut(rest, "…")
		if !more && first == "" {
			return true
		}
		_, left, found = strings.Cut(left, first)
	}
	return found && left == ""
}
