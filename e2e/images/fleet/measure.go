// SPDX-License-Identifier: Apache-2.0

//go:build linux

package fleet

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/caseharden/caseharden/e2e/testbed/process"
	"github.com/caseharden/caseharden/e2e/testbed/registry"
)

// A Run is one run of the preview.
type Run struct {
	Time time.Duration
	CPU  time.Duration
	Peak int64 // bytes resident
}

// Figures are what was measured.
type Figures struct {
	Images     int
	Compressed int64 // bytes of all layers, as they are in the registry
	Unpacked   int64 // bytes of all layers, about
	Baseline   Run   // to fetch, hash and unpack all layers, four at a time, and do nothing else
	First      Run   // with an empty cache
	Second     Run   // with what the first has remembered
	None       Run   // without --images
	Cache      int64 // bytes remembered
}

// Measure pushes a fleet to the registry, and previews it three times. The directory gets the
// files of the runs.
func Measure(ctx context.Context, binary, dir string, r *registry.Registry, f Fleet, progress io.Writer) (*Figures, error) {
	fmt.Fprintf(progress, "== making %d images of %d MB and pushing them\n", f.Images, f.Size>>20)
	pushed, err := f.Push(ctx, r)
	if err != nil {
		return nil, err
	}
	figures := &Figures{Images: f.Images, Unpacked: pushed.Unpacked}
	for _, l := range pushed.Layers {
		figures.Compressed += l.Size
	}
	manifests := filepath.Join(dir, "fleet.yaml")
	if err := os.WriteFile(manifests, []byte(pushed.Manifests), 0o600); err != nil {
		return nil, err
	}
	if err := r.WriteDockerConfig(dir); err != nil {
		return nil, err
	}
	fmt.Fprintln(progress, "== fetching, hashing and unpacking all layers, and nothing else")
	begun, used := time.Now(), ownCPU()
	if err := unpackAll(ctx, r, pushed.Layers); err != nil {
		return nil, err
	}
	figures.Baseline.Time, figures.Baseline.CPU = time.Since(begun), ownCPU()-used
	cache := filepath.Join(dir, "cache")
	preview := func(what string, run *Run, flags ...string) error {
		fmt.Fprintln(progress, "== preview,", what)
		env := []string{"XDG_CACHE_HOME=" + cache, "DOCKER_CONFIG=" + dir, "HOME=" + dir}
		log := filepath.Join(dir, "preview.log")
		if err := os.RemoveAll(log); err != nil {
			return err
		}
		begun := time.Now()
		p, err := process.StartWith(env, "preview", log, binary, append([]string{"preview", "-f", manifests}, flags...)...)
		if err != nil {
			return err
		}
		// What the kernel tells of a process that has ended includes what its parent had in
		// memory, so it is asked while the process runs.
		for !p.Exited() {
			if m, err := p.Memory(); err == nil {
				run.Peak = max(run.Peak, m.Peak)
			}
			if cpu, err := p.CPU(); err == nil {
				run.CPU = cpu
			}
			select {
			case <-ctx.Done():
				return errors.Join(ctx.Err(), p.Stop())
			case <-time.After(5 * time.Millisecond):
			}
		}
		run.Time = time.Since(begun)
		said, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if !strings.Contains(string(said), fmt.Sprintf("%d workloads", f.Images)) || strings.Contains(string(said), "could not be read") {
			return fmt.Errorf("preview: %s\n%s", p.Outcome(), said)
		}
		return nil
	}
	if err := preview("with an empty cache", &figures.First, "--images", "--registry-ca", r.CAFile); err != nil {
		return nil, err
	}
	if err := preview("again", &figures.Second, "--images", "--registry-ca", r.CAFile); err != nil {
		return nil, err
	}
	if err := preview("without --images", &figures.None); err != nil {
		return nil, err
	}
	figures.Cache, err = sizeOf(cache)
	return figures, err
}

// unpackAll does what every reader of layers has to do.
func unpackAll(ctx context.Context, r *registry.Registry, layers []v1.Descriptor) error {
	var all errgroup.Group
	all.SetLimit(4)
	for _, l := range layers {
		all.Go(func() error {
			body, err := r.Blob(ctx, "fleet/app", l.Digest)
			if err != nil {
				return err
			}
			defer body.Close()
			sum := sha256.New()
			unzipped, err := gzip.NewReader(io.TeeReader(body, sum))
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, unzipped)
			return err
		})
	}
	return all.Wait()
}

// ownCPU returns the processor time of this process.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func sizeOf(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// Table returns the figures for docs/performance.md.
func (f *Figures) Table() string {
	gb := func(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }
	mib := func(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
	s := func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
	rows := [][]string{
		{"", "time", "CPU", "peak memory"},
		{"fetch, hash and unpack, nothing else", s(f.Baseline.Time), s(f.Baseline.CPU), ""},
		{"first run", s(f.First.Time), s(f.First.CPU), mib(f.First.Peak)},
		{"second run, from the cache", s(f.Second.Time), s(f.Second.CPU), mib(f.Second.Peak)},
		{"without `--images`", s(f.None.Time), s(f.None.CPU), mib(f.None.Peak)},
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "%d images; %s of layers in the registry, %s unpacked; %s in the cache.\n\n", f.Images, gb(f.Compressed), gb(f.Unpacked), mib(f.Cache))
	for i, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintln(b, "|---|---|---|---|")
		}
	}
	return b.String()
}
