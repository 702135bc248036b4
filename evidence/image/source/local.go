// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/internal/text"
)

// OpenLocal opens local content for the image of a name: oci:DIR, oci-archive:FILE or
// docker-archive:FILE. The error is a [*KindError] if there is something else.
func OpenLocal(name reference.Named, where string) (Source, error) {
	if err := CheckLocal(where); err != nil {
		return nil, err
	}
	kind, file, _ := strings.Cut(where, ":")
	f, err := openFiles(kind, file)
	if err != nil {
		return nil, err
	}
	if err := checkKind(kind, file, f); err != nil {
		f.Close()
		return nil, err
	}
	if kind == "docker-archive" {
		return &dockerArchive{name: name, files: f}, nil
	}
	return &layout{name: name, files: f}, nil
}

func openFiles(kind, file string) (files, error) {
	if kind != "oci" {
		return openArchive(file)
	}
	if info, err := os.Stat(file); err == nil && !info.IsDir() {
		return nil, &KindError{"is not a directory", "write oci-archive:" + file + ", or docker-archive:" + file + " for what docker save writes"}
	}
	root, err := os.OpenRoot(file)
	if err != nil {
		return nil, err
	}
	return directory{root}, nil
}

// CheckLocal returns an error for what [OpenLocal] does not know.
func CheckLocal(where string) error {
	switch kind, file, _ := strings.Cut(where, ":"); {
	case file != "" && (kind == "oci" || kind == "oci-archive" || kind == "docker-archive"):
		return nil
	default:
		return fmt.Errorf("%q: must be oci:DIR, oci-archive:FILE or docker-archive:FILE", where)
	}
}

// files are a directory, or an archive of one.
type files interface {
	open(name string) (io.ReadCloser, error)
	Close() error
}

// A directory follows no link that leads out of it.
type directory struct{ *os.Root }

func (d directory) open(name string) (io.ReadCloser, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, fmt.Errorf("%s: must be a regular file", name))
	}
	return f, nil
}

// A layout is an OCI image layout.
type layout struct {
	name  reference.Named
	files files
}

func (l *layout) Close() error { return l.files.Close() }

func (l *layout) Blob(_ context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	return l.files.open(blobPath(d.Digest))
}

func blobPath(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// Root returns the manifest for the name where several images are in the layout, or else an
// index of all.
func (l *layout) Root(ctx context.Context) ([]byte, error) {
	data, err := readFile(l.files, ocispec.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", ocispec.ImageIndexFile, err)
	}
	var named []ocispec.Descriptor
	for _, d := range index.Manifests {
		if isNamed(d, l.name) {
			named = append(named, d)
		}
	}
	if len(named) == 0 {
		named = index.Manifests
	}
	if len(named) == 0 {
		return nil, errors.New("there is no image in it")
	}
	if len(named) == 1 {
		return Read(ctx, l, named[0])
	}
	for _, d := range named {
		if d.Platform == nil {
			return nil, fmt.Errorf("there are %d images in it, and none is named %s", len(index.Manifests), reference.FamiliarString(l.name))
		}
	}
	index.Manifests = named
	return json.Marshal(index)
}

// isNamed reports whether an entry of index.json says that it is the image of a name.
func isNamed(d ocispec.Descriptor, name reference.Named) bool {
	if digested, ok := name.(reference.Digested); ok {
		return d.Digest == digested.Digest()
	}
	for _, key := range []string{"io.containerd.image.name", ocispec.AnnotationRefName} {
		written := d.Annotations[key]
		if written == "" {
			continue
		}
		if parsed, err := Parse(written); err == nil && parsed.String() == name.String() {
			return true
		}
		if tagged, ok := name.(reference.Tagged); ok && key == ocispec.AnnotationRefName && written == tagged.Tag() {
			return true
		}
	}
	return false
}

func readFile(f files, name string) ([]byte, error) {
	r, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readSmall(r, name)
}

func shorten(s string) string { return text.Shorten(text.Visible(s), 100) }

func notThere(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
