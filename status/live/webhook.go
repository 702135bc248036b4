// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/status"
)

var (
	namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configurations = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
	slicesOf       = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	deployments    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps     = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// ours selects the objects of an installation: the chart gives them this label.
const ours = "app.kubernetes.io/name=caseharden"

// webhook reads the installation.
func (r *reader) webhook(ctx context.Context) error {
	err := r.client.Each(ctx, kube.List{Resource: configurations, Stale: true}, func(object []byte) error {
		w, err := status.ReadWebhook(object)
		// Of several installations, that with the most entries is the one of the chart.
		if err == nil && w != nil && (r.s.Webhook == nil || len(w.Entries) > len(r.s.Webhook.Entries)) {
			r.s.Webhook = w
		}
		return err
	})
	switch {
	case apierrors.IsForbidden(err):
		r.s.CannotSeeWebhook(err)
	case err != nil:
		return err
	}
	if w := r.s.Webhook; w != nil && w.Service != "" {
		r.endpoints(ctx, w)
		r.replicas(ctx, w)
	}
	return nil
}

func (r *reader) endpoints(ctx context.Context, w *status.Webhook) {
	found := status.Endpoints{}
	err := r.client.Each(ctx, kube.List{Resource: slicesOf, Namespace: w.ServiceNamespace, Labels: discoveryv1.LabelServiceName + "=" + w.Service, Stale: true}, func(object []byte) error {
		var s discoveryv1.EndpointSlice
		if err := json.Unmarshal(object, &s); err != nil {
			return err
		}
		for _, e := range s.Endpoints {
			found.All++
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				found.Ready++
			}
		}
		return nil
	})
	if err != nil {
		r.s.Cannot("endpointslices in namespace "+w.ServiceNamespace, err, "whether the API server can reach the webhook")
		return
	}
	w.Endpoints = &found
}

func (r *reader) replicas(ctx context.Context, w *status.Webhook) {
	err := r.client.Each(ctx, kube.List{Resource: pods, Namespace: w.ServiceNamespace, Labels: ours, Stale: true}, func(object []byte) error {
		var p corev1.Pod
		if err := json.Unmarshal(object, &p); err != nil || p.DeletionTimestamp != nil || len(p.Spec.Containers) == 0 || p.Labels["app.kubernetes.io/name"] != "caseharden" {
			return err
		}
		if len(p.OwnerReferences) == 0 {
			return nil // the Pod of helm test
		}
		ready := false
		for _, c := range p.Status.Conditions {
			ready = ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}
		w.Replicas = append(w.Replicas, status.Replica{Name: p.Name, Image: p.Spec.Containers[0].Image, Ready: ready})
		return nil
	})
	if err != nil {
		r.s.Cannot("pods in namespace "+w.ServiceNamespace, err, "which version of the webhook runs")
	}
	err = r.client.Each(ctx, kube.List{Resource: deployments, Namespace: w.ServiceNamespace, Labels: ours, Stale: true, Metadata: true}, func(object []byte) error {
		var o metav1.PartialObjectMetadata
		err := json.Unmarshal(object, &o)
		w.Version = o.Labels["app.kubernetes.io/version"]
		return err
	})
	if err != nil {
		r.s.Cannot("deployments in namespace "+w.ServiceNamespace, err, "which version of the webhook is installed")
	}
}

// installedProfiles returns the files of the profiles that the installation mounts.
func (r *reader) installedProfiles(ctx context.Context) []profile.File {
	var files []profile.File
	namespace := r.s.Webhook.ServiceNamespace
	err := r.client.Each(ctx, kube.List{Resource: configMaps, Namespace: namespace, Labels: ours, Stale: true}, func(object []byte) error {
		var c corev1.ConfigMap
		if err := json.Unmarshal(object, &c); err != nil {
			return err
		}
		if !strings.Contains(c.Name, "-profile-") {
			return nil
		}
		for name, text := range c.Data {
			files = append(files, profile.File{Name: "configmap/" + c.Name + "/" + name, Data: []byte(text)})
		}
		return nil
	})
	if err != nil {
		r.s.Cannot("configmaps in namespace "+namespace, err, "what own profiles hold: give --profiles")
	}
	return files
}
