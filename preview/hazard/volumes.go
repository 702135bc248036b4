// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// within reports whether the path is one of the directories or lies below one.
func within(p string, directories []string) bool {
	for _, d := range directories {
		if p == d || strings.HasPrefix(p, d+"/") {
			return true
		}
	}
	return false
}

// A volumeKind says who owns the files of a volume, and who may write them.
type volumeKind int

const (
	unknownVolume volumeKind = iota
	scratch                  // made for the pod, and writable by every user
	readOnlyFiles            // always mounted read-only
	claimed                  // lives on; the kubelet or the driver can give it to fsGroup
	fresh                    // as claimed, and new with each pod
	onNode                   // a path of the node; fsGroup does nothing
	remote                   // a server says who may do what; fsGroup does nothing
)

// ownedByOthers reports whether the files of such a volume have an owner that the
// pod does not choose.
func (k volumeKind) ownedByOthers() bool {
	return k == claimed || k == fresh || k == onNode || k == remote
}

// A volume is what a name in volumeMounts or volumeDevices stands for.
type volume struct {
	Name     string
	Source   *corev1.VolumeSource // nil for a volumeClaimTemplate
	Type     string               // the field of the API: "hostPath"
	Kind     volumeKind
	ReadOnly bool // in whichever container
}

// volume finds a volume of the pod by its name. What is no volume of it is an
// unknownVolume.
func (p *Pair) volume(name string) volume {
	// A StatefulSet puts its claims in place of volumes of the same name.
	if p.ClaimTemplates[name] {
		return volume{Name: name, Type: "volumeClaimTemplate", Kind: claimed}
	}
	for i := range p.After.Spec.Volumes {
		if v := &p.After.Spec.Volumes[i]; v.Name == name {
			found := classify(&v.VolumeSource)
			found.Name = name
			return found
		}
	}
	return volume{Name: name}
}

// classify knows every kind of volume that the API has; a test walks its types.
//
// The kubelet gives a volume to fsGroup where its plugin calls
// NewVolumeOwnership in kubernetes/pkg/volume, or where a CSI driver does it.
func classify(s *corev1.VolumeSource) volume {
	of := func(name string, kind volumeKind, readOnly bool) volume {
		return volume{Source: s, Type: name, Kind: kind, ReadOnly: readOnly}
	}
	switch {
	case s.EmptyDir != nil:
		return of("emptyDir", scratch, false)
	case s.GitRepo != nil:
		return of("gitRepo", scratch, false)

	case s.ConfigMap != nil:
		return of("configMap", readOnlyFiles, true)
	case s.Secret != nil:
		return of("secret", readOnlyFiles, true)
	case s.Projected != nil:
		return of("projected", readOnlyFiles, true)
	case s.DownwardAPI != nil:
		return of("downwardAPI", readOnlyFiles, true)
	case s.Image != nil:
		return of("image", readOnlyFiles, true)

	case s.HostPath != nil:
		return of("hostPath", onNode, false)
	case s.NFS != nil:
		return of("nfs", remote, s.NFS.ReadOnly)
	case s.CephFS != nil:
		return of("cephfs", remote, s.CephFS.ReadOnly)
	case s.Glusterfs != nil:
		return of("glusterfs", remote, s.Glusterfs.ReadOnly)
	case s.Quobyte != nil:
		return of("quobyte", remote, s.Quobyte.ReadOnly)
	case s.AzureFile != nil:
		return of("azureFile", remote, s.AzureFile.ReadOnly)

	case s.Ephemeral != nil:
		return of("ephemeral", fresh, false)
	case s.CSI != nil:
		return of("csi", fresh, isTrue(s.CSI.ReadOnly))

	case s.PersistentVolumeClaim != nil:
		return of("persistentVolumeClaim", claimed, s.PersistentVolumeClaim.ReadOnly)
	case s.AWSElasticBlockStore != nil:
		return of("awsElasticBlockStore", claimed, s.AWSElasticBlockStore.ReadOnly)
	case s.AzureDisk != nil:
		return of("azureDisk", claimed, isTrue(s.AzureDisk.ReadOnly))
	case s.Cinder != nil:
		return of("cinder", claimed, s.Cinder.ReadOnly)
	case s.FC != nil:
		return of("fc", claimed, s.FC.ReadOnly)
	case s.FlexVolume != nil:
		return of("flexVolume", claimed, s.FlexVolume.ReadOnly)
	case s.Flocker != nil:
		return of("flocker", claimed, false)
	case s.GCEPersistentDisk != nil:
		return of("gcePersistentDisk", claimed, s.GCEPersistentDisk.ReadOnly)
	case s.ISCSI != nil:
		return of("iscsi", claimed, s.ISCSI.ReadOnly)
	case s.PhotonPersistentDisk != nil:
		return of("photonPersistentDisk", claimed, false)
	case s.PortworxVolume != nil:
		return of("portworxVolume", claimed, s.PortworxVolume.ReadOnly)
	case s.RBD != nil:
		return of("rbd", claimed, s.RBD.ReadOnly)
	case s.ScaleIO != nil:
		return of("scaleIO", claimed, s.ScaleIO.ReadOnly)
	case s.StorageOS != nil:
		return of("storageos", claimed, s.StorageOS.ReadOnly)
	case s.VsphereVolume != nil:
		return of("vsphereVolume", claimed, false)
	}
	return volume{Source: s}
}

// mountsOf pairs the mounts of a container with their volumes.
func (p *Pair) mountsOf(container *corev1.Container) []mountedVolume {
	mounts := make([]mountedVolume, len(container.VolumeMounts))
	for i, m := range container.VolumeMounts {
		mounts[i] = mountedVolume{volume: p.volume(m.Name), Mount: m}
	}
	return mounts
}

type mountedVolume struct {
	volume
	Mount corev1.VolumeMount
}

func (m mountedVolume) writable() bool {
	return m.Kind != unknownVolume && !m.ReadOnly && !m.Mount.ReadOnly
}

// String names a mount for a report: `hostPath /var/log at /logs`.
func (m mountedVolume) String() string {
	name := fmt.Sprintf("%s %q", m.Type, m.Name)
	if m.Kind == onNode {
		name = "hostPath " + m.Source.HostPath.Path
	}
	return name + " at " + m.Mount.MountPath
}
