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

// An object is an API object.
type object interface {
	metav1.Object
	runtime.Object
}

// A follower follows one object.
type follower[T object] struct {
	get   func(context.Context) (T, error)
	watch func(context.Context) (watch.Interface, error)

	// saw is called with the object as it is now. found is false if there is none. missed
	// is true if the object may have changed in between, unseen, since the last call.
	saw func(now T, found, missed bool)

	// lost is called with an error. Until the next call of saw, the object may differ from
	// the one that was seen last.
	lost func(error)

	last string // the version of the object that was seen last; empty for none
}

var errNoWatch = fmt.Errorf("the API server did not begin the watch within %s", callTimeout)

// run follows the object until the context ends: it watches the object, reads it, and
// starts again whenever the watch ends.
func (f *follower[T]) run(ctx context.Context) {
	for pause := newBackoff(); ctx.Err() == nil; {
		start := time.Now()
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			f.lost(err)
		}
		// A watch that has lasted is not a failure.
		if time.Since(start) > maxPause {
			pause = newBackoff()
		}
		pause.wait(ctx)
	}
}

// follow watches the object until the watch ends. The watch begins with the object as it
// is, and not with a version that was read earlier: an API server remembers only the last
// changes, none from before its start, and refuses older versions as expired. A watch does
// not report that there is no object. follow therefore reads the object after the watch
// has begun. The first events of the watch may be older than the object that was read; the
// last one is the newest.
func (f *follower[T]) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The timeout of the watch does not bound the time until the watch begins.
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
	// The API server may not end the watch when it was asked to.
	end := time.AfterFunc(watchTimeout+callTimeout, func() { cancel(nil) })
	defer end.Stop()
	switch current, err := f.get(ctx); {
	case apierrors.IsNotFound(err):
		f.saw(current, false, false) // without the object no CA is trusted: nothing was missed
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

// A backoff is a pause that doubles each time. Up to half of it is left out at random, so
// that replicas do not retry at the same moment.
type backoff struct{ pause time.Duration }

func newBackoff() *backoff { return &backoff{minPause} }

// wait waits for the pause, or until the context ends.
func (b *backoff) wait(ctx context.Context) {
	timer := time.NewTimer(b.pause - rand.N(b.pause/2))
	defer timer.Stop()
	b.pause = min(2*b.pause, maxPause)
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
