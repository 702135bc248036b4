// SPDX-License-Identifier: Apache-2.0

package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distribution/reference"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image/source"
	"github.com/caseharden/caseharden/evidence/image/store"
)

// Progress is how far a [Reader] is.
type Progress struct {
	Done, Total int   // images
	Bytes       int64 // of layers read, as they are in the registry
}

// A Reader reads images. Close it after the last.
type Reader struct {
	options    Options
	platform   *platform                // nil: what Read says
	local      map[string]*localContent // by the whole name
	registries *source.Registries
	store      *store.Store
	layers     flights
	resolved   sync.Map     // resolvedKey to *resolved
	bytes      atomic.Int64 // read of layers
}

// New returns a reader, and an [*OptionError] if an option is wrong. It reads nothing yet.
func New(o Options) (*Reader, error) {
	r := &Reader{options: o, local: map[string]*localContent{}}
	if o.Platform != "" {
		p, err := parsePlatform(o.Platform)
		if err == nil {
			err = p.check()
		}
		if err != nil {
			return nil, &OptionError{"Platform", err}
		}
		r.platform = &p
	}
	for _, name := range slices.Sorted(maps.Keys(o.Local)) {
		where := o.Local[name]
		parsed, err := source.Parse(name)
		if err == nil {
			err = source.CheckLocal(where)
		}
		if err != nil {
			return nil, &OptionError{"Local", fmt.Errorf("%s: %w", name, err)}
		}
		if other := r.local[parsed.String()]; other != nil {
			return nil, &OptionError{"Local", fmt.Errorf("%s: given twice, also as %s", name, other.name)}
		}
		r.local[parsed.String()] = &localContent{name: name, where: where}
	}
	for _, host := range o.Insecure {
		if err := source.CheckHost(host); err != nil {
			return nil, &OptionError{"Insecure", err}
		}
	}
	authorities, err := source.Authorities(o.Authorities)
	if err != nil {
		return nil, &OptionError{"Authorities", err}
	}
	r.registries = source.NewRegistries(authorities, o.Insecure, o.Credentials)
	if !o.ConfigOnly {
		if r.store, err = store.Open(o.CacheDir); err != nil {
			return nil, &OptionError{"CacheDir", err}
		}
	}
	return r, nil
}

// Close frees what the reader has.
func (r *Reader) Close() error {
	if r.store == nil {
		return nil
	}
	return r.store.Close()
}

// Read reads images, some at the same time, and calls use once for each name, from several
// goroutines: with the image, or with an [*Error]. An image is in memory until use returns. The
// platform of the nodes counts where the options name none; where it is empty too, that is
// linux/amd64. Read ends early with the context; the images that are left then have an error.
// It calls progress some times a second, unless that is nil.
func (r *Reader) Read(ctx context.Context, names []string, nodes string, progress func(Progress), use func(name string, i *evidence.Image, err error)) {
	wanted := r.wanted(nodes)
	var done atomic.Int64
	next := make(chan string)
	var workers sync.WaitGroup
	for range min(cmp.Or(r.options.Parallel, 4), len(names)) {
		workers.Go(func() {
			for name := range next {
				i, err := r.image(ctx, name, wanted)
				use(name, i, explain(name, err))
				done.Add(1)
			}
		})
	}
	stop := repeat(progress != nil, func() {
		progress(Progress{Done: int(done.Load()), Total: len(names), Bytes: r.bytes.Load()})
	})
	for _, name := range names {
		next <- name
	}
	close(next)
	workers.Wait()
	stop()
}

// repeat calls a function some times a second until stop is called, if it is wanted at all.
func repeat(wanted bool, call func()) (stop func()) {
	if !wanted {
		return func() {}
	}
	stopped := make(chan struct{})
	var calls sync.WaitGroup
	calls.Go(func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
				call()
			}
		}
	})
	return func() {
		close(stopped)
		calls.Wait()
	}
}

// image reads one image.
func (r *Reader) image(ctx context.Context, name string, wanted wish) (*evidence.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	parsed, err := source.Parse(name)
	if err != nil {
		return nil, err
	}
	s, err := r.open(parsed)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	found, err := r.resolve(ctx, parsed.String(), s, wanted)
	if err != nil {
		return nil, err
	}
	image := &evidence.Image{Reference: name, Digest: found.digest.String(), Platform: found.platform.String(), Config: found.facts()}
	if r.options.ConfigOnly {
		return image, nil
	}
	files, err := r.files(ctx, s, found)
	if err != nil {
		return nil, err
	}
	image.Files = files
	return image, nil
}

// resolve returns what an image was found to be the first time: a preview that is made several
// times asks registries once, and speaks of one image.
func (r *Reader) resolve(ctx context.Context, name string, s source.Source, wanted wish) (*resolved, error) {
	key := resolvedKey{name, wanted}
	if found, ok := r.resolved.Load(key); ok {
		return found.(*resolved), nil
	}
	found, err := resolve(ctx, s, wanted)
	if err != nil {
		return nil, err
	}
	r.resolved.Store(key, found)
	return found, nil
}

type resolvedKey struct {
	name   string
	wanted wish
}

// open opens local content, or the registry.
func (r *Reader) open(name reference.Named) (source.Source, error) {
	local, ok := r.local[name.String()]
	if !ok {
		return r.registries.Open(name), nil
	}
	local.used.Store(true)
	s, err := source.OpenLocal(name, local.where)
	if err != nil {
		return nil, &localError{where: local.where, err: err}
	}
	return s, nil
}

// isTemporary reports whether to read a layer again may help.
func isTemporary(err error) bool {
	var interrupted *source.InterruptedError
	return errors.As(err, &interrupted)
}
