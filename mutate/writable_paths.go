// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/caseharden/caseharden/defaults"
)

// volume is a core/v1 Volume with an emptyDir.
type volume struct {
	Name     string `json:"name"`
	EmptyDir struct {
		SizeLimit string `json:"sizeLimit,omitempty"`
	} `json:"emptyDir"`
}

// volumeMount is a core/v1 VolumeMount.
type volumeMount struct {
	MountPath string `json:"mountPath"`
	Name      string `json:"name"`
	SubPath   string `json:"subPath"`
}

// mount adds the volumes of the writable paths, one for each path, and mounts
// them. Each container has a directory of its own in them, named after it: it had
// a file system of its own before.
func (p *patch) mount(mounts []Mount, volumes *defaults.Volumes) {
	if len(mounts) == 0 {
		return
	}
	names := map[string]string{} // of volumes, by path
	volumesByName := make(map[string]*defaults.EmptyDir, len(volumes.Volumes))
	for _, v := range volumes.Volumes {
		volumesByName[v.Name] = v.EmptyDir
	}
	for _, m := range mounts {
		name, found := names[m.Path]
		if !found {
			var present bool
			name, present = volumeFor(m.WritablePath, volumesByName)
			names[m.Path] = name
			if !present {
				v := volume{Name: name}
				v.EmptyDir.SizeLimit = m.SizeLimit
				p.appendTo(target{"/spec", "/volumes"}, volumes.HasVolumes, v)
				volumesByName[name] = nil // no second path may take it for its own
			}
		}
		container := pointer("spec", m.Container.Type.List(), strconv.Itoa(m.Container.Index))
		p.appendTo(target{container, "/volumeMounts"}, volumes.HasMounts(m.Container), volumeMount{MountPath: m.Path, Name: name, SubPath: m.Container.Name})
	}
}

// volumeFor returns the name of the volume for a path: that of an earlier pass, or
// one that no volume of the pod has.
func volumeFor(w defaults.WritablePath, volumesByName map[string]*defaults.EmptyDir) (name string, present bool) {
	base := VolumeName(w.Path)
	for n := 1; ; n++ {
		name = base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		emptyDir, taken := volumesByName[name]
		if !taken {
			return name, false
		}
		if emptyDir != nil && emptyDir.SizeLimit == w.SizeLimit {
			return name, true
		}
	}
}

// VolumeName returns the same name for a path at all times, so that a second pass
// finds the volume of the first: what can be read of the path, and a hash, since
// paths differ in more than a name can hold.
func VolumeName(path string) string {
	const maxReadable = 36
	readable := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, path), "-")
	if len(readable) > maxReadable {
		readable = readable[:maxReadable]
	}
	hash := sha256.Sum256([]byte(path))
	return "caseharden-" + readable + "-" + hex.EncodeToString(hash[:4])
}

// appendTo adds an element to the end of a list, which is added first if need be.
func (p *patch) appendTo(list target, present bool, element any) {
	p.ensure(list, present, emptyList)
	p.add(target{list.pointer(), "/-"}, jsontext.Value(mustMarshal(element)))
}
