// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// An object is one of the API.
type object interface {
	metav1.Object
	runtime.Object
}

// A follower knows how one object is followed.
type follower[T object] struct {
	get   func(context.Context) (T, error)
	watch func(ctx context.Context, resourceVersion string) (watch.Interface, error)

	// saw takes what the object is now; found is false where there is none, and missed
	// is true where there may have been others since the last call.
	saw func(now T, found, missed bool)

	// lost takes an error on the way; then the object may be another than was seen,
	// until the next call of saw.
	lost func(error)

	last string // the version of the object that was seen last; empty where there was none
}

// run follows the object until the context ends: it reads it, watches it from there,
// and starts again whenever a watch ends, for whatever reason.
func (f *follower[T]) run(ctx context.Context) {
	for pause := newBackoff(); ctx.Err() == nil; {
		start := time.Now()
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			f.lost(err)
		}
		// A watch that has lasted is no failure, whatever ended it.
		if time.Since(start) > maxPause {
			pause = newBackoff()
		}
		pause.wait(ctx)
	}
}

// follow reads the object, and watches it until the watch ends.
func (f *follower[T]) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	current, err := f.get(ctx)
	// Where there is no object, a watch without a version begins with what is there by
	// then.
	version := ""
	switch {
	case apierrors.IsNotFound(err):
		f.saw(current, false, f.last != "")
		f.last = ""
	case err != nil:
		return err
	default:
		version = current.GetResourceVersion()
		f.saw(current, true, f.last != version)
		f.last = version
	}
	events, err := f.watch(ctx, version)
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		seen, ok := event.Object.(T)
		switch {
		case event.Type == watch.Error:
			return apierrors.FromObject(event.Object)
		case !ok:
		case event.Type == watch.Deleted:
			f.saw(seen, false, false)
			f.last = ""
		case event.Type == watch.Added, event.Type == watch.Modified:
			f.saw(seen, true, false)
			f.last = seen.GetResourceVersion()
		}
	}
	return nil
}

// The pauses between attempts.
const (
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

// A backoff is a pause that doubles, less up to a half by chance, so that the replicas
// do not come all at once.
type backoff struct{ pause time.Duration }

func newBackoff() *backoff { return &backoff{minPause} }

// wait waits, or until the context ends.
func (b *backoff) wait(ctx context.Context) {
	timer := time.NewTimer(b.pause - rand.N(b.pause/2))
	defer timer.Stop()
	b.pause = min(2*b.pause, maxPause)
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
