// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A follower hears everything in order, says when it may have missed something, and
// starts again whatever ends a watch, with pauses that grow.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		var seen []string
		lost := 0
		f := follower[*corev1.Secret]{
			get:   api.GetSecret,
			watch: api.WatchSecret,
			saw: func(s *corev1.Secret, found, missed bool) {
				seen = append(seen, fmt.Sprintf("%s found=%t missed=%t", s.Data["n"], found, missed))
			},
			lost: func(error) { lost++ },
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.run(ctx) }()
		secret := func(n string) *corev1.Secret { return &corev1.Secret{Data: map[string][]byte{"n": []byte(n)}} }
		expect := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(seen, want) {
				t.Errorf("%s: %q, want %q", what, seen, want)
			}
			seen = nil
		}

		expect("nothing there", " found=false missed=false")
		api.change(func() { api.setSecret(secret("1")) })
		expect("created", "1 found=true missed=false")
		api.change(func() { api.setSecret(secret("2")); api.setSecret(secret("3")) })
		expect("changed twice", "2 found=true missed=false", "3 found=true missed=false")
		api.breakWatches()
		after(time.Second)
		// A watch begins with what there is, which has been read too.
		expect("the watch was ended, and nothing else", "3 found=true missed=false", "3 found=true missed=false")
		api.change(func() { api.err = errors.New("down") })
		api.breakWatches()
		after(time.Hour)
		expect("down")
		if lost < 100 || lost > 3600 {
			t.Errorf("%d attempts in an hour", lost)
		}
		api.change(func() { api.err = nil; api.setSecret(secret("4")) })
		after(maxPause)
		expect("changed meanwhile", "4 found=true missed=true", "4 found=true missed=false")
		api.change(func() { api.setSecret(nil) })
		expect("deleted", "4 found=false missed=false")
		api.change(func() { api.silent = true; api.setSecret(secret("5")); api.setSecret(nil); api.silent = false })
		api.breakWatches()
		after(maxPause)
		expect("there for a while, unheard", " found=false missed=false")
		cancel()
		<-ended
	})
}
