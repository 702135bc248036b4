// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"io/fs"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A KindError says that local content is of another kind than was said.
type KindError struct{ Is, Fix string }

func (e *KindError) Error() string { return e.Is + ": " + e.Fix }

// dockerManifest is what docker save writes beside the images.
const dockerManifest = "manifest.json"

// checkKind returns a [*KindError] if files lack what those of a kind begin with:
//
//	oci, oci-archive   index.json
//	docker-archive     manifest.json
func checkKind(kind, file string, f files) error {
	isLayout, isDocker := !lacks(f, ocispec.ImageIndexFile), !lacks(f, dockerManifest)
	switch {
	case kind == "docker-archive" && isDocker, kind != "docker-archive" && isLayout:
		return nil
	case kind == "docker-archive" && isLayout:
		return &KindError{"is an OCI archive, not a Docker archive", "write oci-archive:" + file}
	case kind == "oci-archive" && isDocker:
		return &KindError{"is a Docker archive, not an OCI archive", "write docker-archive:" + file}
	case kind == "oci":
		return &KindError{"has no index.json, so it is not an OCI image layout", "make one with skopeo copy docker://IMAGE oci:DIR"}
	}
	return &KindError{"has neither index.json nor manifest.json, so it is not an archive of an image", "make one with docker save, or with skopeo copy docker://IMAGE oci-archive:FILE"}
}

// lacks reports whether there is no file of a name. One that cannot be read is there.
func lacks(f files, name string) bool {
	r, err := f.open(name)
	if err == nil {
		r.Close()
	}
	return errors.Is(err, fs.ErrNotExist)
}
