// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/trial/watch"
)

// A Cluster is the namespace in which copies run.
type Cluster interface {
	// Create creates a pod, and returns it as the API server has stored it.
	Create(ctx context.Context, pod *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// Pod returns a pod, or nil if there is none of this name.
	Pod(ctx context.Context, name string) (*corev1.Pod, error)
	// Delete deletes a pod. It is no error if there is none of this name.
	Delete(ctx context.Context, name string) error
	// DeleteAll deletes all pods that a selector selects, and returns when they are gone.
	DeleteAll(ctx context.Context, selector string) error
	// Events returns the warnings about a pod, oldest first.
	Events(ctx context.Context, name string) ([]watch.Event, error)
	// Log returns the end of a container's log, of the instance before a restart if so asked.
	Log(ctx context.Context, pod, container string, previous bool) (string, error)
	// Exec runs a command in a container.
	Exec(ctx context.Context, pod, container string, command []string) (code int, output string, err error)
	// Get makes an HTTP request to a port of a pod.
	Get(ctx context.Context, pod string, port int, path string) (status int, body string, err error)
	// Node returns what is known of a node; nothing if the caller may not see nodes.
	Node(ctx context.Context, name string) Node
}

// A Node is where a copy ran.
type Node struct {
	Name    string `json:"name"`
	Runtime string `json:"runtime,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	Kubelet string `json:"kubelet,omitempty"`
}
