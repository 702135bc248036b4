// SPDX-License-Identifier: Apache-2.0

//go:build image

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An image is that of one platform.
type image struct {
	Digest     string // of its manifest, and so of all of it
	Config     config
	Files      []file // of all layers, in order
	Compressed int64  // bytes of all layers
}

// A config is what an image says of itself, by the image specification of the OCI.
type config struct {
	Created          time.Time
	Architecture, OS string
	Config           map[string]any // how to run it
}

// A file is an entry of a layer, of whatever kind.
type file struct {
	Header  *tar.Header
	Content []byte
}

// file returns the content of a file.
func (i *image) file(t *testing.T, name string) []byte {
	t.Helper()
	for _, f := range i.Files {
		if f.Header.Name == name {
			return f.Content
		}
	}
	t.Fatalf("the image has no file %s", name)
	return nil
}

// size returns how many bytes all files have.
func (i *image) size() int {
	size := 0
	for _, f := range i.Files {
		size += len(f.Content)
	}
	return size
}

// A descriptor is what refers to a blob.
type descriptor struct {
	Digest string
	Size   int64
}

// readLayout reads the images of an OCI image layout, by platform.
func readLayout(dir string) (map[string]*image, error) {
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, err
	}
	images := map[string]*image{}
	return images, readManifests(dir, "", index, images)
}

// readManifests adds the images of a manifest, or of those in an index.
func readManifests(dir, digest string, text []byte, images map[string]*image) error {
	var manifest struct {
		Manifests []descriptor // of an index
		Config    descriptor
		Layers    []descriptor
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return err
	}
	for _, m := range manifest.Manifests {
		text, err := readBlob(dir, m)
		if err != nil {
			return err
		}
		if err := readManifests(dir, m.Digest, text, images); err != nil {
			return err
		}
	}
	if manifest.Manifests != nil {
		return nil
	}

	i := &image{Digest: digest}
	text, err := readBlob(dir, manifest.Config)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &i.Config); err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		compressed, err := readBlob(dir, layer)
		if err != nil {
			return err
		}
		i.Compressed += layer.Size
		if err := i.addLayer(compressed); err != nil {
			return err
		}
	}
	platform := i.Config.OS + "/" + i.Config.Architecture
	if images[platform] != nil {
		return fmt.Errorf("%s: two images for %s", dir, platform)
	}
	images[platform] = i
	return nil
}

func (i *image) addLayer(compressed []byte) error {
	layer, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return err
	}
	for entries := tar.NewReader(layer); ; {
		header, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(entries)
		if err != nil {
			return err
		}
		i.Files = append(i.Files, file{header, content})
	}
}

func readBlob(dir string, d descriptor) ([]byte, error) {
	return os.ReadFile(filepath.Join(dir, "blobs", filepath.FromSlash(strings.Replace(d.Digest, ":", "/", 1))))
}
