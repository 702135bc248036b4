// SPDX-License-Identifier: Apache-2.0

// Package dryrun shows what a cluster makes of a Pod, without leaving one there.
package dryrun

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// callTimeout is longer than a webhook may take, which is 30 s at most.
const callTimeout = 40 * time.Second

// CreatePod returns the Pod as the API server would store it: after defaulting, all
// webhooks and validation. The API server stores nothing. It takes the permission to
// create Pods in the namespace, as there is none for dry runs alone.
func CreatePod(ctx context.Context, config *rest.Config, pod *corev1.Pod) (*corev1.Pod, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.GroupVersion, c.APIPath = &corev1.SchemeGroupVersion, "/api"
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, err
	}
	created := &corev1.Pod{}
	err = client.Post().Namespace(pod.Namespace).Resource("pods").Param("dryRun", metav1.DryRunAll).
		Timeout(callTimeout).Body(pod).Do(ctx).Into(created)
	return created, err
}
