// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"fmt"
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
	watch func(context.Context) (watch.Interface, error)

	// saw takes what the object is now; found is false where there is none, and missed
	// is true where there may have been others since the last call.
	saw func(now T, found, missed bool)

	// lost takes an error on the way; then the object may be another than was seen,
	// until the next call of saw.
	lost func(error)

	last string // the version of the object that was seen last; empty where there was none
}

var errNoWatch = fmt.Errorf("the API server has begun no watch within %s", callTimeout)

// run follows the object until the context ends: it watches it, reads it, and starts
// again whenever a watch ends, for whatever reason.
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

// follow watches the object until the watch ends. The watch begins with what there is,
// and not from the version of an object that was read: an API server remembers only
// the last changes, none from before its start, and refuses older versions as expired.
// That there is no object no watch says, so that it is read once the watch has begun.
// What the watch tells then may be older at first, and ends with what is newest.
func (f *follower[T]) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The time for a watch to begin is not bounded by that of the watch.
	late := time.AfterFunc(callTimeout, func() { cancel(errNoWatch) })
	events, err := f.watch(ctx)
	if events != nil {
		defer events.Stop()
	}
	if !late.Stop() {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	// Nor does a watch end for sure when the API server was asked to end it.
	end := time.AfterFunc(watchTimeout+callTimeout, func() { cancel(nil) })
	defer end.Stop()
	switch current, err := f.get(ctx); {
	case apierrors.IsNotFound(err):
		f.saw(current, false, false) // with the object all trust in it has gone
		f.last = ""
	case err != nil:
		return err
	default:
		version := current.GetResourceVersion()
		f.saw(current, true, f.last != version)
		f.last = version
	}
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
