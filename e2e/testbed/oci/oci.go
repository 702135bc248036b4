// SPDX-License-Identifier: Apache-2.0

// Package oci writes container images: archives of one layer and of the files that it is
// told, which container runtimes import. Nothing is pulled, so no registry is needed.
package oci

import (
	"archive/tar"
	"bytes"
	"encoding/json"
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

// An Image is what an archive holds. The same one makes the same archive.
type Image struct {
	// Name is by what pods refer to it, in full: registry/repository:tag. A registry
	// that does not exist makes sure that nothing is pulled.
	Name string

	Files  []File
	Config v1.ImageConfig // user, entrypoint and so on
}

// A File is one of an image, or a directory if its path ends in a slash. Directories that
// no File is for belong to root and have mode 0755.
type File struct {
	Path     string
	Mode     int64  // of permissions; if 0, 0755
	UID, GID int    // of the owner
	Source   string // a file of this machine, with the content; if empty, Content
	Content  []byte
}

// Write writes the archive: an OCI image layout in a tar file.
func (i Image) Write(w io.Writer) error {
	if err := i.write(w); err != nil {
		return fmt.Errorf("image %s: %w", i.Name, err)
	}
	return nil
}

func (i Image) write(w io.Writer) error {
	layer, err := i.layer()
	if err != nil {
		return err
	}
	a := archive{tar: tar.NewWriter(w)}
	manifest := v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Layers:    []v1.Descriptor{a.blob(v1.MediaTypeImageLayer, layer)},
	}
	manifest.Config = a.blobJSON(v1.MediaTypeImageConfig, v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   i.Config,
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{manifest.Layers[0].Digest}},
	})
	a.index(i.Name, a.blobJSON(v1.MediaTypeImageManifest, manifest))
	return a.close()
}

// layer returns the files as a tar file.
func (i Image) layer() ([]byte, error) {
	var buffer bytes.Buffer
	layer := tar.NewWriter(&buffer)
	made := map[string]bool{".": true, "/": true}
	var parents func(dir string) error
	parents = func(dir string) error {
		if made[dir] {
			return nil
		}
		made[dir] = true
		if err := parents(path.Dir(dir)); err != nil {
			return err
		}
		return layer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755})
	}
	for _, f := range i.Files {
		name := strings.TrimPrefix(f.Path, "/")
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: f.Mode, Uid: f.UID, Gid: f.GID}
		if header.Mode == 0 {
			header.Mode = 0o755
		}
		if err := parents(path.Dir(strings.TrimSuffix(name, "/"))); err != nil {
			return nil, err
		}
		content := f.Content
		switch {
		case strings.HasSuffix(name, "/"):
			header.Typeflag = tar.TypeDir
			made[strings.TrimSuffix(name, "/")] = true
		case f.Source != "":
			var err error
			if content, err = os.ReadFile(f.Source); err != nil {
				return nil, err
			}
		}
		header.Size = int64(len(content))
		if err := layer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := layer.Write(content); err != nil {
			return nil, err
		}
	}
	err := layer.Close()
	return buffer.Bytes(), err
}

// An archive is a tar file that remembers its first error.
type archive struct {
	tar *tar.Writer
	err error
}

func (a *archive) blobJSON(mediaType string, value any) v1.Descriptor {
	text, err := json.Marshal(value)
	if a.err == nil {
		a.err = err
	}
	return a.blob(mediaType, text)
}

func (a *archive) blob(mediaType string, content []byte) v1.Descriptor {
	d := digest.FromBytes(content)
	a.file(path.Join(v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded()), content)
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(content))}
}

func (a *archive) fileJSON(name string, value any) {
	text, err := json.Marshal(value)
	if a.err == nil {
		a.err = err
	}
	a.file(name, text)
}

func (a *archive) file(name string, content []byte) {
	if a.err != nil {
		return
	}
	if a.err = a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); a.err == nil {
		_, a.err = a.tar.Write(content)
	}
}

func (a *archive) close() error {
	if a.err != nil {
		return a.err
	}
	return a.tar.Close()
}
