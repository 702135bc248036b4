// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/watch"
)

var (
	pods   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	events = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	nodes  = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
)

// logLines is how much of a log is read.
const logLines = 200

// graceSeconds is how long a copy has to end: nothing of it is kept.
const graceSeconds = int64(1)

// A Cluster is one namespace of a cluster. It is a [trial.Cluster].
type Cluster struct {
	Client    *kube.Client
	Namespace string
}

var _ trial.Cluster = (*Cluster)(nil)

// Create creates a pod.
func (c *Cluster) Create(ctx context.Context, pod *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return c.Client.Resource(pods).Namespace(c.Namespace).Create(ctx, pod, metav1.CreateOptions{FieldManager: "caseharden-trial"})
}

// Pod returns a pod, or nil if there is none of this name.
func (c *Cluster) Pod(ctx context.Context, name string) (*corev1.Pod, error) {
	o, err := c.Client.Resource(pods).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod); err != nil {
		return nil, err
	}
	return &pod, nil
}

// Delete deletes a pod.
func (c *Cluster) Delete(ctx context.Context, name string) error {
	grace := graceSeconds
	err := c.Client.Resource(pods).Namespace(c.Namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &grace})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// DeleteAll deletes all pods that a selector selects, and returns when they are gone. It
// tries again while the API server is away.
func (c *Cluster) DeleteAll(ctx context.Context, selector string) error {
	_, err := c.DeleteSelected(ctx, selector)
	return err
}

// DeleteSelected does what DeleteAll does, and returns how many pods there were.
func (c *Cluster) DeleteSelected(ctx context.Context, selector string) (deleted int, err error) {
	seen := map[string]bool{}
	for {
		list, err := c.Client.Resource(pods).Namespace(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err == nil && len(list.Items) == 0 {
			return len(seen), nil
		}
		if err != nil && apierrors.IsForbidden(err) {
			return len(seen), err
		}
		if err == nil {
			for _, pod := range list.Items {
				seen[pod.GetName()] = true
				if pod.GetDeletionTimestamp() == nil {
					err = c.Delete(ctx, pod.GetName())
				}
			}
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = fmt.Errorf("%d pods are not gone yet", len(list.Items))
			}
			return len(seen), err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Events returns the warnings about a pod, oldest first.
func (c *Cluster) Events(ctx context.Context, name string) ([]watch.Event, error) {
	list, err := c.Client.Resource(events).Namespace(c.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.kind=Pod,type=Warning,involvedObject.name=" + name,
	})
	if err != nil {
		return nil, err
	}
	var all []watch.Event
	for _, e := range list.Items {
		reason, _, _ := unstructured.NestedString(e.Object, "reason")
		message, _, _ := unstructured.NestedString(e.Object, "message")
		all = append(all, watch.Event{Reason: reason, Message: message})
	}
	return all, nil
}

// Log returns the end of a container's log.
func (c *Cluster) Log(ctx context.Context, pod, container string, previous bool) (string, error) {
	return c.Client.Log(ctx, c.Namespace, pod, container, previous, logLines)
}

// Exec runs a command in a container.
func (c *Cluster) Exec(ctx context.Context, pod, container string, command []string) (code int, output string, err error) {
	answer, err := c.Client.Exec(ctx, c.Namespace, pod, container, command)
	return answer.Code, answer.Output, err
}

// Get makes an HTTP request to a port of a pod.
func (c *Cluster) Get(ctx context.Context, pod string, port int, path string) (status int, body string, err error) {
	answer, err := c.Client.HTTP(ctx, c.Namespace, pod, port, path, 20*time.Second)
	return answer.Code, answer.Output, err
}

// Node returns what is known of a node.
func (c *Cluster) Node(ctx context.Context, name string) trial.Node {
	known := trial.Node{Name: name}
	node, err := c.Client.Resource(nodes).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return known // to see nodes is a permission of the cluster, and not needed
	}
	known.Runtime, _, _ = unstructured.NestedString(node.Object, "status", "nodeInfo", "containerRuntimeVersion")
	known.Kernel, _, _ = unstructured.NestedString(node.Object, "status", "nodeInfo", "kernelVersion")
	known.Kubelet, _, _ = unstructured.NestedString(node.Object, "status", "nodeInfo", "kubeletVersion")
	return known
}
