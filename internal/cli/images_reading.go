// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// An imageReading is the reading of all images of a preview. Its methods may be called where
// none is read.
type imageReading struct {
	reader *image.Reader
	ctx    context.Context // ends with Ctrl-C; nil before begin
	end    context.CancelFunc
	stderr io.Writer

	mu     sync.Mutex // guards the following
	names  []string
	failed []*image.Error
}

// startImages gets ready to read the images that the flags ask for. The caller must call stop.
func startImages(o imagesOptions, stderr io.Writer) (*imageReading, error) {
	reader, err := o.open()
	if err != nil || reader == nil {
		return nil, err
	}
	return &imageReading{reader: reader, stderr: stderr}, nil
}

// begin makes the first Ctrl-C end the reading, and no more the process. The caller must have
// read all input: Ctrl-C would not end the waiting for it.
func (r *imageReading) begin(ctx context.Context) {
	if r == nil {
		return
	}
	r.ctx, r.end = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(r.ctx, r.end) // a second Ctrl-C ends the process at once
}

func (r *imageReading) stop() {
	if r == nil {
		return
	}
	if r.end != nil {
		r.end()
	}
	if err := r.reader.Close(); err != nil {
		fmt.Fprintf(r.stderr, "caseharden: warning: the layer cache could not be cleaned up: %v\n", err)
	}
}

func (r *imageReading) interrupted() bool { return r != nil && r.ctx.Err() != nil }

// read returns what the preview calls to read images; nil if it is to read none.
func (r *imageReading) read() preview.ReadImages {
	if r == nil {
		return nil
	}
	return func(names []string, platform string, use func(string, *evidence.Image, error)) {
		progress, done := imagesProgressOn(r.stderr)
		defer done()
		r.names, r.failed = names, nil // a preview may be made again, with another profile
		r.reader.Read(r.ctx, names, platform, progress, func(name string, i *evidence.Image, err error) {
			if failed, ok := errors.AsType[*image.Error](err); ok {
				r.mu.Lock()
				r.failed = append(r.failed, failed)
				r.mu.Unlock()
			}
			use(name, i, err)
		})
	}
}

// summarize says which images could not be read, and why: each reason once. It also names
// local content that nothing asked for.
func (r *imageReading) summarize() {
	if r == nil {
		return
	}
	for _, name := range r.reader.Unused() {
		fmt.Fprintf(r.stderr, "caseharden: warning: --image %s: no manifest names this image%s\n", text.Visible(name), didYouMean(name, r.names))
	}
	if len(r.failed) == 0 {
		return
	}
	const shown = 10
	type cause struct{ reason, fix string }
	of := map[cause][]string{}
	var causes []cause
	slices.SortFunc(r.failed, func(a, b *image.Error) int { return strings.Compare(a.Image, b.Image) })
	for _, e := range r.failed {
		c := cause{e.Reason, e.Fix}
		if of[c] == nil {
			causes = append(causes, c)
		}
		of[c] = append(of[c], text.Shorten(text.Visible(e.Image), 200))
	}
	fmt.Fprintf(r.stderr, "caseharden: warning: %d of %s could not be read; what depends on them is unknown:\n", len(r.failed), text.Count(len(r.names), "image"))
	for _, c := range causes {
		names := of[c]
		more := ""
		if n := len(names) - shown; n > 0 {
			names, more = names[:shown], fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(r.stderr, "  %s%s\n    %s\n    fix: %s\n", strings.Join(names, ", "), more, c.reason, c.fix)
	}
}

// imagesProgressOn reports on a terminal how many images are read. The caller must call done.
func imagesProgressOn(w io.Writer) (progress func(image.Progress), done func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	begun := time.Now()
	return func(p image.Progress) {
			fmt.Fprintf(w, "\r%d of %s read, %d MB, %v\x1b[K", p.Done, text.Count(p.Total, "image"), p.Bytes/1e6, time.Since(begun).Round(time.Second))
		}, func() {
			fmt.Fprint(w, "\r\x1b[K")
		}
}
