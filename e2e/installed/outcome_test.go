// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package installed

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/whole/kernel"
)

// An outcome is what became of a pod: what the kernel said of its container app, or who
// refused it, with his words.
type outcome string

// create creates a pod. The outcome is empty unless the API server refuses it.
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

// outcomes waits for those of all pods of a namespace, and returns them by name.
func outcomes(t *testing.T, namespace string) map[string]outcome {
	t.Helper()
	all := map[string]outcome{}
	within(t, 3*time.Minute, "the outcomes in "+namespace, func() error {
		pods, err := c.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		var waiting []string
		for i := range pods.Items {
			pod := &pods.Items[i]
			if all[pod.Name] == "" {
				all[pod.Name] = outcomeOf(t, pod)
			}
			if all[pod.Name] == "" {
				status, _ := json.Marshal(pod.Status) // of a type of the API
				waiting = append(waiting, pod.Name+": "+string(status))
			}
		}
		if len(waiting) > 0 {
			time.Sleep(time.Second)
			return fmt.Errorf("%q", waiting)
		}
		return nil
	})
	return all
}

// outcomeOf returns an empty one while it is open.
func outcomeOf(t *testing.T, pod *corev1.Pod) outcome {
	t.Helper()
	if pod.Status.Phase == corev1.PodSucceeded {
		report, err := c.Report(t.Context(), pod.Namespace, pod.Name, "app")
		if err != nil {
			t.Fatal(err)
		}
		return said(report)
	}
	if pod.Status.Reason != "" {
		return outcome("kubelet: " + pod.Status.Reason + ": " + pod.Status.Message)
	}
	for _, status := range pod.Status.ContainerStatuses {
		if w := status.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			return outcome("kubelet: " + w.Reason + ": " + w.Message)
		}
		if s := status.State.Terminated; s != nil && s.ExitCode != 0 {
			return outcome("runtime: " + s.Reason + ": " + s.Message)
		}
	}
	events, err := c.Client().CoreV1().Events(pod.Namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: "reason=FailedCreatePodSandBox,involvedObject.name=" + pod.Name,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events.Items {
		return outcome("sandbox: " + event.Message)
	}
	return ""
}

// said puts a report into a line: "Uid=0 CapEff=a80425fb CapBnd=a80425fb NoNewPrivs=0
// Seccomp=0 /=ok". All the capabilities that there are here, for the container of a
// privileged pod, are "all".
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

// is says whether an outcome is as wanted, where … stands for any words.
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
