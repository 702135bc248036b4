// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Layer is a file of a gzipped layer.
type Layer struct {
	File   string
	Digest digest.Digest // of the file
	DiffID digest.Digest // of what is in it, uncompressed
	Size   int64         // of the file
}

// WriteLayers writes an archive, as Image.Write does, of layers that are files.
func WriteLayers(file, name string, config v1.ImageConfig, layers []Layer) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	a := archive{tar: tar.NewWriter(f)}
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	rootFS := v1.RootFS{Type: "layers"}
	for _, layer := range layers {
		a.copy(path.Join(v1.ImageBlobsDir, layer.Digest.Algorithm().String(), layer.Digest.Encoded()), layer)
		manifest.Layers = append(manifest.Layers, v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: layer.Digest, Size: layer.Size})
		rootFS.DiffIDs = append(rootFS.DiffIDs, layer.DiffID)
	}
	manifest.Config = a.blobJSON(v1.MediaTypeImageConfig, v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH}, Config: config, RootFS: rootFS,
	})
	a.index(name, a.blobJSON(v1.MediaTypeImageManifest, manifest))
	if err := errors.Join(a.close(), f.Close()); err != nil {
		return fmt.Errorf("image %s: %w", name, err)
	}
	return nil
}

// index writes what says that the archive has one image, of this name.
func (a *archive) index(name string, manifest v1.Descriptor) {
	// The first is containerd's, which wants the whole name; the second is the format's.
	manifest.Annotations = map[string]string{
		"io.containerd.image.name": name,
		v1.AnnotationRefName:       name[strings.LastIndex(name, ":")+1:],
	}
	a.fileJSON(v1.ImageIndexFile, v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: []v1.Descriptor{manifest},
	})
	a.fileJSON(v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion})
}

func (a *archive) copy(name string, layer Layer) {
	if a.err != nil {
		return
	}
	f, err := os.Open(layer.File)
	if err != nil {
		a.err = err
		return
	}
	defer f.Close()
	if a.err = a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: layer.Size}); a.err == nil {
		_, a.err = io.Copy(a.tar, f)
	}
}
