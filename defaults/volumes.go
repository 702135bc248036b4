// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Volumes is what mounting writable paths has to know of a pod. It is parsed only
// where there is something to mount.
type Volumes struct {
	Volumes    []Volume
	HasVolumes bool // spec.volumes is there, and no null
	mounts     map[ContainerType]map[int]mounts
}

// A Volume is one of the pod's.
type Volume struct {
	Name     string
	EmptyDir *EmptyDir // nil for any other volume, and for one with more settings
}

// An EmptyDir is a volume as Caseharden makes one for a writable path.
type EmptyDir struct {
	SizeLimit string // in its canonical form; empty: no limit
}

// mounts are a container's.
type mounts struct {
	has   bool     // volumeMounts is there, and no null
	paths []string // clean, of volumes and devices
}

// ParseVolumes reads the volumes of a pod, and what its containers mount. An error
// names the place as a JSON pointer.
func ParseVolumes(pod []byte) (*Volumes, error) {
	type mountingContainer struct {
		VolumeMounts []struct {
			MountPath string `json:"mountPath"`
		} `json:"volumeMounts"`
		VolumeDevices []struct {
			DevicePath string `json:"devicePath"`
		} `json:"volumeDevices"`
	}
	var wire struct {
		Spec struct {
			Volumes []struct {
				Name     string         `json:"name"`
				EmptyDir map[string]any `json:"emptyDir"`
			} `json:"volumes"`
			InitContainers      []*mountingContainer `json:"initContainers"`
			Containers          []*mountingContainer `json:"containers"`
			EphemeralContainers []*mountingContainer `json:"ephemeralContainers"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(pod, &wire); err != nil {
		return nil, err
	}
	v := &Volumes{HasVolumes: wire.Spec.Volumes != nil, mounts: map[ContainerType]map[int]mounts{}}
	for _, volume := range wire.Spec.Volumes {
		v.Volumes = append(v.Volumes, Volume{Name: volume.Name, EmptyDir: plainEmptyDir(volume.EmptyDir)})
	}
	for t, list := range map[ContainerType][]*mountingContainer{
		Init: wire.Spec.InitContainers, Regular: wire.Spec.Containers, Ephemeral: wire.Spec.EphemeralContainers,
	} {
		v.mounts[t] = map[int]mounts{}
		for i, c := range list {
			if c == nil {
				continue
			}
			m := mounts{has: c.VolumeMounts != nil}
			for _, mount := range c.VolumeMounts {
				m.paths = append(m.paths, absolute(mount.MountPath))
			}
			for _, device := range c.VolumeDevices {
				m.paths = append(m.paths, absolute(device.DevicePath))
			}
			v.mounts[t][i] = m
		}
	}
	return v, nil
}

// absolute returns a path as the kubelet makes it (MakeAbsolutePath in
// kubernetes/pkg/volume/util): the API server takes a relative one.
func absolute(p string) string { return path.Clean("/" + p) }

// plainEmptyDir returns an emptyDir that has nothing but perhaps a size limit, else
// nil.
func plainEmptyDir(emptyDir map[string]any) *EmptyDir {
	limit, limited := emptyDir["sizeLimit"].(string)
	switch {
	case emptyDir != nil && len(emptyDir) == 0:
		return &EmptyDir{}
	case !limited || len(emptyDir) != 1:
		return nil
	}
	quantity, err := resource.ParseQuantity(limit)
	if err != nil {
		return nil
	}
	return &EmptyDir{SizeLimit: quantity.String()}
}

// HasMounts reports whether the container has a list of mounts.
func (v *Volumes) HasMounts(c *Container) bool { return v.mounts[c.Type][c.Index].has }

// MakesRootReadOnly reports whether the decision makes the root file system of a container
// read-only. Where the author did, or an exception leaves it, nothing is made writable.
func (d Decision) MakesRootReadOnly() bool {
	return d.Field == readOnlyRootFilesystem && d.Outcome == Inject
}

// WritablePathsFor returns the paths to keep writable in a container of a pod whose root
// file system the profile makes read-only: those of the first exception that matches the
// container and has some, which is returned too, and then those of the profile. An ephemeral
// container gets none, since the volumes of a pod that runs cannot change.
func (p *Profile) WritablePathsFor(pod *Pod, c *Container) (paths []WritablePath, by *Exception) {
	if c.Type == Ephemeral {
		return nil, nil
	}
	by = p.writablePathsException(pod, c)
	if by == nil {
		return p.WritablePaths, nil
	}
	paths = slices.Clone(by.WritablePaths)
	for _, w := range p.WritablePaths {
		if !by.keepsWritable(w.Path) {
			paths = append(paths, w)
		}
	}
	return paths, by
}

// keepsWritable reports whether the exception itself has the path.
func (e *Exception) keepsWritable(path string) bool {
	return slices.ContainsFunc(e.WritablePaths, func(w WritablePath) bool { return w.Path == path })
}

func (p *Profile) writablePathsException(pod *Pod, c *Container) *Exception {
	s := subject{profile: p, pod: pod, container: c}
	for i := range p.Exceptions {
		if e := &p.Exceptions[i]; len(e.WritablePaths) > 0 && e.Match.matches(&s) {
			return e
		}
	}
	return nil
}

// Uncovered returns the paths to mount an emptyDir at in a container: those which no mount
// of the container covers, be it there or above.
func (v *Volumes) Uncovered(c *Container, paths []WritablePath) []WritablePath {
	var uncovered []WritablePath
	for _, w := range paths {
		if !slices.ContainsFunc(v.mounts[c.Type][c.Index].paths, func(mount string) bool { return within(w.Path, mount) }) {
			uncovered = append(uncovered, w)
		}
	}
	return uncovered
}

// within reports whether a clean path is a directory or below it.
func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}
