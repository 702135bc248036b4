// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/status"
)

var nodes = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}

const (
	logLines = 20
	mostLogs = 200
)

// readLogs reads the last lines of containers that have ended with an error. The instance
// that ended may be another one by now than when the Pod was read.
func (r *reader) readLogs(ctx context.Context) {
	n := 0
	for _, t := range r.s.Troubles() {
		if t.ExitCode == nil || n == mostLogs {
			continue
		}
		n++
		r.Progress("logs", n)
		log, err := r.client.Log(ctx, t.Namespace, t.Pod, t.Container, t.Previous, logLines)
		if err != nil {
			log, err = r.client.Log(ctx, t.Namespace, t.Pod, t.Container, !t.Previous, logLines)
		}
		t.Log = log
		if err != nil {
			r.s.Cannot("the log of Pod "+t.Pod+" in namespace "+t.Namespace, err, "the last lines of container "+t.Container)
		}
	}
}

// A summary is the part of a kubelet's summary that tells what containers have written.
type summary struct {
	Pods []struct {
		PodRef struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"podRef"`
		Containers []struct {
			Name   string `json:"name"`
			Rootfs *struct {
				UsedBytes  *uint64 `json:"usedBytes"`
				InodesUsed *uint64 `json:"inodesUsed"`
			} `json:"rootfs"`
		} `json:"containers"`
	} `json:"pods"`
}

// readWrites asks the kubelet of each node, through the API server, what containers have
// written to their own layers.
func (r *reader) readWrites(ctx context.Context) {
	r.s.AskedForWrites()
	var names []string
	err := r.client.Each(ctx, kube.List{Resource: nodes, Stale: true, Metadata: true}, func(object []byte) error {
		var o metav1.PartialObjectMetadata
		err := json.Unmarshal(object, &o)
		names = append(names, o.Name)
		return err
	})
	if err != nil {
		r.s.Cannot("nodes", err, "what containers have written")
		return
	}
	for i, name := range names {
		r.Progress("nodes", i+1)
		if err := r.readNode(ctx, name); err != nil {
			r.s.Cannot("the summary of node "+name, err, "what the containers on the node have written: it needs get on nodes/proxy")
			if i == 0 && apierrors.IsForbidden(err) {
				return // as for all others
			}
		}
	}
}

func (r *reader) readNode(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	text, err := r.client.Raw(ctx, "/api/v1/nodes/"+url.PathEscape(name)+"/proxy/stats/summary")
	if err != nil {
		return err
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	for _, p := range s.Pods {
		for _, c := range p.Containers {
			if c.Rootfs != nil && c.Rootfs.UsedBytes != nil && c.Rootfs.InodesUsed != nil {
				r.s.AddWritten(status.Written{Namespace: p.PodRef.Namespace, Pod: p.PodRef.Name, Container: c.Name, Bytes: *c.Rootfs.UsedBytes, Inodes: *c.Rootfs.InodesUsed})
			}
		}
	}
	return nil
}
