// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/status"
)

var (
	pods   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	events = schema.GroupVersionResource{Version: "v1", Resource: "events"}
)

// mostReplicaSets bounds how many ReplicaSets without a Deployment are read one by one.
const mostReplicaSets = 500

// readPods reads the Pods in pages: all at once would be half a gigabyte in a large cluster,
// also for the API server.
func (r *reader) readPods(ctx context.Context) {
	r.each(ctx, kube.List{Resource: pods}, "what runs hardened, and what does not run", r.s.AddPod)
}

// readWorkloads reads what has Pod templates.
func (r *reader) readWorkloads(ctx context.Context) {
	for _, kind := range kube.Kinds() {
		switch kind.Kind {
		case "Pod":
		case "ReplicaSet":
			r.readReplicaSets(ctx, kind)
		default:
			r.each(ctx, kube.List{Resource: kind.GVR(), Stale: kind.Kind != "Job"}, "what the next restart brings to "+kind.Resource, func(object []byte) error {
				return r.s.AddWorkload(kind.TemplateKind, object)
			})
		}
	}
}

// readReplicaSets reads the metadata of all, which a Deployment keeps ten old ones of, and
// then those that no Deployment owns.
func (r *reader) readReplicaSets(ctx context.Context, kind kube.Kind) {
	var alone [][2]string
	r.each(ctx, kube.List{Resource: kind.GVR(), Stale: true, Metadata: true}, "which Deployments Pods belong to", func(object []byte) error {
		var o metav1.PartialObjectMetadata
		if err := json.Unmarshal(object, &o); err != nil {
			return err
		}
		n := r.s.Namespace(o.Namespace)
		if n == nil || !n.Asks() {
			return nil
		}
		ref := status.Ref{Group: kind.Group, Kind: kind.Kind, Namespace: o.Namespace, Name: o.Name}
		owner := metav1.GetControllerOf(&o)
		if owner != nil {
			r.s.AddOwner(ref, status.Ref{Group: schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).Group, Kind: owner.Kind, Namespace: o.Namespace, Name: owner.Name})
		}
		if (owner == nil || owner.Kind != "Deployment") && len(alone) < mostReplicaSets {
			alone = append(alone, [2]string{o.Namespace, o.Name})
		}
		return nil
	})
	for _, a := range alone {
		object, err := r.client.Object(ctx, kind.GVR(), a[0], a[1])
		if err == nil {
			err = r.s.AddWorkload(kind.TemplateKind, object)
		}
		if err != nil && ctx.Err() == nil {
			r.s.CannotWorkloads("replicaset "+a[1]+" in namespace "+a[0], err, "what its next Pods get")
		}
	}
}

// readFailures reads which Pods could not be created.
func (r *reader) readFailures(ctx context.Context) {
	r.each(ctx, kube.List{Resource: events, Fields: "reason=FailedCreate"}, "which Pods could not be created", func(object []byte) error {
		var e corev1.Event
		if err := json.Unmarshal(object, &e); err != nil {
			return err
		}
		o := e.InvolvedObject
		last := e.LastTimestamp.Time
		if last.IsZero() {
			last = e.EventTime.Time
		}
		if !last.IsZero() && last.Before(r.Now.Add(-time.Hour)) {
			return nil
		}
		r.s.AddFailure(status.Failure{
			Owner:   status.Ref{Group: schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).Group, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name},
			Message: e.Message, Last: last,
		})
		return nil
	})
}
