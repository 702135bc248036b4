// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image/layer"
	"github.com/caseharden/caseharden/evidence/image/source"
	"github.com/caseharden/caseharden/evidence/image/tree"
)

// Bounds of an image.
const (
	maxLayers   = 512 // Docker makes 127 at most
	maxUnpacked = layer.MaxUnpacked
	maxAttempts = 3 // to read a layer that breaks off
)

// files reads the layers of an image, and applies them.
func (r *Reader) files(ctx context.Context, s source.Source, found *resolved) (evidence.Files, error) {
	if len(found.layers) > maxLayers {
		return nil, fmt.Errorf("the image has %d layers: more than %d are not read", len(found.layers), maxLayers)
	}
	files := tree.New()
	unpacked := int64(0)
	for _, d := range found.layers {
		index, err := r.index(ctx, s, d)
		if err == nil {
			err = files.Apply(ctx, d.Digest.String(), index)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", d.Digest, err)
		}
		if unpacked += index.Unpacked; unpacked > maxUnpacked {
			return nil, fmt.Errorf("the image unpacks to more than %d GiB", maxUnpacked>>30)
		}
	}
	return files, nil
}

// index returns the index of a layer: as it is remembered, or as it is read. A layer that
// several images have is read once.
func (r *Reader) index(ctx context.Context, s source.Source, d ocispec.Descriptor) (*layer.Index, error) {
	unlock := r.layers.lock(d.Digest.String())
	defer unlock()
	if index, ok := r.store.Get(d.Digest.String()); ok {
		return index, nil
	}
	for attempt := 1; ; attempt++ {
		index, err := r.readLayer(ctx, s, d)
		if err == nil {
			return index, r.remember(d, index)
		}
		if attempt == maxAttempts || !isTemporary(err) || ctx.Err() != nil {
			return nil, err
		}
	}
}

func (r *Reader) remember(d ocispec.Descriptor, index *layer.Index) error {
	if err := r.store.Put(d.Digest.String(), index); err != nil {
		return &storeError{err}
	}
	return nil
}

// readLayer reads a layer, and checks its digest.
func (r *Reader) readLayer(ctx context.Context, s source.Source, d ocispec.Descriptor) (*layer.Index, error) {
	blob, err := s.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	sum := d.Digest.Algorithm().Hash()
	var read io.Reader = &counter{r: blob, n: &r.bytes}
	var unpacked io.Writer
	if d.MediaType == source.MediaTypeUnpacked {
		unpacked = sum
	} else {
		read = io.TeeReader(read, sum)
	}
	index, err := layer.Read(ctx, read, unpacked)
	if err != nil {
		return nil, err
	}
	if !matches(d.Digest, sum) {
		return nil, &source.DigestError{Digest: d.Digest}
	}
	return index, nil
}

func matches(d digest.Digest, sum hash.Hash) bool {
	return digest.NewDigest(d.Algorithm(), sum) == d
}

// flights makes those who need the same layer wait for the first.
type flights struct {
	mu   sync.Mutex
	keys map[string]*flight
}

type flight struct {
	mu      sync.Mutex
	waiting int
}

func (f *flights) lock(key string) (unlock func()) {
	f.mu.Lock()
	if f.keys == nil {
		f.keys = map[string]*flight{}
	}
	one := f.keys[key]
	if one == nil {
		one = &flight{}
		f.keys[key] = one
	}
	one.waiting++
	f.mu.Unlock()
	one.mu.Lock()
	return func() {
		one.mu.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			delete(f.keys, key)
		}
	}
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
