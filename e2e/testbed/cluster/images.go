// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

// pauseName and the names of other images have a registry that cannot exist (RFC 6761).
const pauseName = "images.test/pause:1"

// pauseImage returns the image of the first process of each pod.
func pauseImage(binary string) oci.Image {
	return oci.Image{
		Name:   pauseName,
		Files:  []oci.File{{Path: "/pause", Source: binary}},
		Config: v1.ImageConfig{User: "65535:65535", Entrypoint: []string{"/pause"}},
	}
}

// ProbeName is the name of the image of command probe, which every Cluster has.
const ProbeName = "images.test/probe:1"

func probeImage(binary string) oci.Image {
	return oci.Image{
		Name:   ProbeName,
		Files:  []oci.File{{Path: "/probe", Source: binary}, {Path: "/tmp/", Mode: 0o1777}},
		Config: v1.ImageConfig{Entrypoint: []string{"/probe"}},
	}
}

// ProbeImage returns the image of command probe, for a variant of it, such as one with a
// user, which needs a name of its own.
func (c *Cluster) ProbeImage() oci.Image { return probeImage(c.programs.probe) }
