// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A Refusal is why no copy of a workload is made, and the way around it.
type Refusal struct {
	What string // what would happen
	Fix  string
}

func (r Refusal) String() string { return r.What + ": " + r.Fix }

// Options are what the caller may insist on.
type Options struct {
	Volumes    Volumes
	PodNetwork bool // no hostPort and no hostNetwork in copies
	Selected   bool // copies may be selected by what must not select them
}

// Volumes says what becomes of volumes that outlive a pod and that it writes to.
type Volumes string

// The choices.
const (
	RefuseVolumes Volumes = ""      // no copy is made
	EmptyVolumes  Volumes = "empty" // an emptyDir takes the place of each
	ShareVolumes  Volumes = "share" // copies write where the workload writes
)

// A Claim is what has to be known of a PersistentVolumeClaim.
type Claim struct {
	AccessModes []corev1.PersistentVolumeAccessMode
}

// refusals returns everything that is in the way of copies, all at once.
func refusals(pod *corev1.PodTemplateSpec, w *Workload, s Surroundings, l Labelling, o Options) []Refusal {
	var found []Refusal
	add := func(fix, format string, args ...any) {
		found = append(found, Refusal{What: fmt.Sprintf(format, args...), Fix: fix})
	}
	// The webhook would fill in what a copy leaves unset: no copy would run as it is.
	if profile, enforced := s.Labels[EnforceLabel]; enforced {
		add("remove that label for the time of the trial, or give the manifest with -f and a namespace without it with -n",
			"namespace %s has the label %s: %s, so that every copy would get the settings of that profile", w.Namespace, EnforceLabel, profile)
	}
	const empty = "give the copies empty directories with --volumes=empty"
	for _, v := range volumesOf(pod, w) {
		switch {
		case !v.lasting:
		case !v.written:
		case o.Volumes == EmptyVolumes && v.block:
			add("try a workload without block volumes", "volume %s is a block device, for which a directory cannot stand in", v.name)
		case o.Volumes == EmptyVolumes:
		case v.claim != "" && slices.Contains(s.Claims[v.claim].AccessModes, corev1.ReadWriteOncePod):
			add(empty, "volume %s: claim %s is ReadWriteOncePod, so no second pod can mount it", v.name, v.claim)
		case o.Volumes == ShareVolumes:
		default:
			add(empty+", or let them write there with --volumes=share", "volume %s: the copies would write to %s, as the workload does", v.name, v.what)
		}
	}
	if !o.PodNetwork {
		const own = "give the copies a network of their own with --pod-network"
		if pod.Spec.HostNetwork {
			add(own, "the pod uses hostNetwork, so that copies and the workload would want the same ports of the node")
		}
		for _, c := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
			for _, p := range c.Ports {
				if p.HostPort != 0 && !pod.Spec.HostNetwork {
					add(own, "container %s wants hostPort %d, which only one pod of a node can have", c.Name, p.HostPort)
				}
			}
		}
	}
	if pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows {
		add("use the preview", "the pod is for Windows, and a trial reads what Linux says")
	}
	if !o.Selected {
		for _, s := range l.Blocked {
			add("change its selector, or accept this with --allow-selected", "%s selects every copy, and %s", s.Object(), s.Use)
		}
	}
	return found
}

// A volume is one of the pod's that copies may share with the workload.
type volume struct {
	name, what, claim string
	lasting           bool // it outlives the pod, or others see it
	written, block    bool
}

// volumesOf returns the volumes of a pod, and those that a StatefulSet would add.
func volumesOf(pod *corev1.PodTemplateSpec, w *Workload) []volume {
	var volumes []volume
	for _, v := range pod.Spec.Volumes {
		volumes = append(volumes, describe(v))
	}
	for _, name := range sortedKeys(w.Claims) {
		volumes = append(volumes, volume{name: name, what: "claim " + w.Claims[name], claim: w.Claims[name], lasting: true})
	}
	for i := range volumes {
		v := &volumes[i]
		for _, c := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
			for _, m := range c.VolumeMounts {
				// What talks to a socket does harm also where the mount is read-only.
				if m.Name == v.name && (!m.ReadOnly || v.what == "a socket of the node") {
					v.written = true
				}
			}
			for _, d := range c.VolumeDevices {
				if d.Name == v.name {
					v.written, v.block = true, true
				}
			}
		}
	}
	return volumes
}

// describe says what a volume is. Everything that is not known to end with the pod is
// lasting.
func describe(v corev1.Volume) volume {
	d := volume{name: v.Name, lasting: true, what: "a volume of another kind"}
	switch {
	case v.EmptyDir != nil, v.ConfigMap != nil, v.Secret != nil, v.Projected != nil, v.DownwardAPI != nil, v.Ephemeral != nil, v.Image != nil:
		d.lasting = false // it ends with the pod, or nobody can write to it
	case v.PersistentVolumeClaim != nil:
		d.claim = v.PersistentVolumeClaim.ClaimName
		d.what = "claim " + d.claim
		d.lasting = !v.PersistentVolumeClaim.ReadOnly
	case v.HostPath != nil:
		d.what = "hostPath " + v.HostPath.Path
		if t := v.HostPath.Type; t != nil && *t == corev1.HostPathSocket || strings.HasSuffix(v.HostPath.Path, ".sock") {
			d.what = "a socket of the node"
		}
	case v.NFS != nil:
		d.what = "NFS " + v.NFS.Server + ":" + v.NFS.Path
		d.lasting = !v.NFS.ReadOnly
	case v.CSI != nil:
		// A driver's inline volume ends with its pod.
		d.lasting = false
	}
	return d
}
