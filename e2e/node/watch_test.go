// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// watch looks at every pod of the load, however short its life, until the context ends.
func (l *load) watch(ctx context.Context) {
	pods := c.Client().CoreV1().Pods(l.namespace)
	version := ""
	every(ctx, 10*time.Millisecond, func(int) {
		if version == "" {
			list, err := pods.List(ctx, metav1.ListOptions{})
			if err != nil {
				return
			}
			for i := range list.Items {
				l.look(&list.Items[i])
			}
			version = list.ResourceVersion
		}
		w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
				version = "" // an API server that has been restarted does not know it
			}
			return
		}
		defer w.Stop()
		for event := range w.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if event.Type == watch.Error || !ok {
				version = ""
				return
			}
			l.look(pod)
			version = pod.ResourceVersion
		}
	})
}

// look notes a pod that is not hardened.
func (l *load) look(pod *corev1.Pod) {
	lacks := lacking(pod)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.seen[pod.UID] && lacks != "" {
		l.violation = append(l.violation, fmt.Sprintf("pod %s was admitted unhardened, at %s: %s", pod.Name, pod.CreationTimestamp.Format(time.TimeOnly), lacks))
	}
	l.seen[pod.UID] = true
}

// lacking returns what a pod lacks of the profile hardened.
func lacking(pod *corev1.Pod) string {
	if a := pod.Annotations["caseharden.io/injected"]; !strings.Contains(a, `"profile":"hardened"`) {
		return fmt.Sprintf("the annotation is %q", a)
	}
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   new(true),
		RunAsNonRoot:             new(true),
		RunAsUser:                new(int64(10001)),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	for _, container := range pod.Spec.Containers {
		if diff := cmp.Diff(want, container.SecurityContext); diff != "" {
			return diff
		}
	}
	return ""
}
