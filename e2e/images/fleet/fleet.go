// SPDX-License-Identifier: Apache-2.0

// Package fleet makes images of any size, pushes them to a registry, and measures how long the
// preview takes to read them.
package fleet

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/caseharden/caseharden/e2e/testbed/registry"
)

// A Fleet says which images are made. Half of an image is a base that twenty images share, and
// half is its own.
type Fleet struct {
	Images   int
	Size     int64 // of an image, unpacked, in bytes
	FileSize int   // of a file, in bytes; 0 is 25 KiB, of which an image of 300 MiB has 12,000
}

const (
	segmentSize  = 10 << 20 // of a part of a layer, unpacked
	segmentCount = 32
	sharing      = 20
	random       = 0.3 // of the content, which no compression makes smaller
)

// segments are parts of a tar file, each compressed by itself: put together they are a layer,
// without compressing a layer for each image.
type segments [][]byte

// makeSegments returns parts that have all that a layer of files of this size has. Their bytes
// are the same in every run.
func makeSegments(count, size, fileSize int) (segments, error) {
	s := make(segments, count)
	var all errgroup.Group
	all.SetLimit(2)
	for i := range s {
		all.Go(func() (err error) {
			s[i], err = segment(i, size, fileSize)
			return err
		})
	}
	return s, all.Wait()
}

func segment(number, size, fileSize int) ([]byte, error) {
	r := rand.New(rand.NewPCG(1, uint64(number)))
	const text = "A file of a package repeats itself: 0123456789 abcdefghijklmnopqrstuvwxyz {\"key\": \"value\"}\n"
	return member(func(w *tar.Writer) error {
		for n := 0; n*fileSize < size; n++ {
			content := make([]byte, min(fileSize, size))
			noise := int(random * float64(len(content)))
			for i := range content[:noise] {
				content[i] = byte(r.Uint32())
			}
			for i := noise; i < len(content); i++ {
				content[i] = text[(i*i>>4+i)%len(text)]
			}
			mode := int64(0o644)
			if n%20 == 0 { // as many programs as an image has
				mode = 0o755
				copy(content, "\x7fELF\x02\x01\x01")
			}
			name := fmt.Sprintf("usr/lib/segment%d/dir%d/file%d", number, n/50, n)
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
				return err
			}
			if _, err := w.Write(content); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// member compresses a part of a tar file.
func member(write func(w *tar.Writer) error) ([]byte, error) {
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	if err := write(tar.NewWriter(g)); err != nil {
		return nil, err
	}
	err := g.Close()
	return b.Bytes(), err
}

// layer returns a layer of its own: the first file has its name, and then come segments.
func (s segments) layer(name string, first, count int) (registry.Layer, error) {
	head, err := member(func(w *tar.Writer) error {
		content := "#!/bin/sh\nmkdir -p /var/lib/" + name + "\nexec \"$@\"\n"
		err := w.WriteHeader(&tar.Header{Name: "usr/local/bin/" + name, Mode: 0o755, Uid: 1, Size: int64(len(content))})
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, content)
		if err != nil {
			return err
		}
		return w.Flush()
	})
	if err != nil {
		return registry.Layer{}, err
	}
	end, err := member(func(w *tar.Writer) error { return w.Close() })
	if err != nil {
		return registry.Layer{}, err
	}
	parts := [][]byte{head}
	for i := range count {
		parts = append(parts, s[(first+i)%len(s)])
	}
	parts = append(parts, end)
	open := func() (io.ReadCloser, error) {
		var readers []io.Reader
		for _, part := range parts {
			readers = append(readers, bytes.NewReader(part))
		}
		return io.NopCloser(io.MultiReader(readers...)), nil
	}
	sum := sha256.New()
	content, _ := open()
	size, err := io.Copy(sum, content)
	return registry.Layer{
		Descriptor: v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: digest.NewDigest(digest.SHA256, sum), Size: size},
		Open:       open,
	}, err
}

// A Pushed fleet is in a registry.
type Pushed struct {
	Manifests string          // Pods that use the images
	Layers    []v1.Descriptor // each once
	Unpacked  int64           // bytes of all layers, about
}

// Push makes the images of the fleet and pushes them.
func (f Fleet) Push(ctx context.Context, r *registry.Registry) (*Pushed, error) {
	half := int(f.Size / 2)
	count, size := half/segmentSize, segmentSize
	if count == 0 {
		count, size = 1, half
	}
	s, err := makeSegments(min(segmentCount, 2*count+2), size, cmp.Or(f.FileSize, 25<<10))
	if err != nil {
		return nil, err
	}
	p := &Pushed{}
	pods := &strings.Builder{}
	var base registry.Layer
	for i := range f.Images {
		if i%sharing == 0 {
			if base, err = s.layer(fmt.Sprintf("base%d", i/sharing), i, count); err != nil {
				return nil, err
			}
			p.Layers = append(p.Layers, base.Descriptor)
			p.Unpacked += int64(count * size)
		}
		own, err := s.layer(fmt.Sprintf("app%d", i), i+len(s)/2, count)
		if err != nil {
			return nil, err
		}
		p.Layers = append(p.Layers, own.Descriptor)
		p.Unpacked += int64(count * size)
		config := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, Config: v1.ImageConfig{Entrypoint: []string{fmt.Sprintf("/usr/local/bin/app%d", i)}}}
		if _, err := r.Push(ctx, "fleet/app", fmt.Sprint(i), config, base, own); err != nil {
			return nil, err
		}
		fmt.Fprintf(pods, "apiVersion: v1\nkind: Pod\nmetadata: {name: app%d}\nspec: {containers: [{name: app, image: \"%s/fleet/app:%d\"}]}\n---\n", i, r.Host, i)
	}
	p.Manifests = pods.String()
	return p, nil
}
