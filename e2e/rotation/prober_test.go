// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A prober makes handshakes with every replica all the time, and verifies what it gets
// as API servers would: by the caBundles as they are, and by those of a propagation
// time ago, which an API server may still have.
type prober struct {
	in   *installation
	from time.Time // caBundles of before are not asked for
	stop func()

	mu         sync.Mutex // guards the following
	handshakes int
	errors     []string
}

func (in *installation) startProber() *prober {
	ctx, cancel := context.WithCancel(context.Background())
	p := &prober{in: in, from: time.Now()}
	var workers sync.WaitGroup
	p.stop = func() { cancel(); workers.Wait() }
	for _, r := range in.replicas {
		workers.Go(func() { every(ctx, 50*time.Millisecond, func() { p.probe(ctx, r) }) })
	}
	return p
}

func (p *prober) probe(ctx context.Context, r *replica) {
	begun := time.Now()
	if r.CheckReady(ctx) != nil {
		return
	}
	leaf, err := r.handshake(ctx)
	now := time.Now()
	switch {
	case ctx.Err() != nil || err != nil && r.KilledAfter(begun):
		return
	case err != nil:
		p.count(fmt.Errorf("%s: handshake: %w", r.Dir, err))
		return
	}
	if err := p.in.history.verify(leaf, now, now); err != nil {
		// The history may be a moment behind.
		configuration, getErr := p.in.configuration(ctx)
		if getErr != nil {
			return
		}
		var bundles [][]byte
		for _, w := range configuration.Webhooks {
			bundles = append(bundles, w.ClientConfig.CABundle)
		}
		if err := verifyBy(bundles, leaf, now); err != nil {
			p.count(fmt.Errorf("%s: by the caBundles that there are: %w", r.Dir, err))
			return
		}
	}
	// The history may be behind what the replica saw. The half is far from none.
	if then := now.Add(-p.in.propagation / 2); then.After(p.from) {
		if err := p.in.history.verify(leaf, then, now); err != nil {
			p.count(fmt.Errorf("%s: %s is served before its CA has been in every caBundle for long enough: %w", r.Dir, leaf.SerialNumber.Text(16), err))
			return
		}
	}
	p.count(nil)
}

func (p *prober) count(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handshakes++
	if err != nil {
		p.errors = append(p.errors, time.Now().Format("15:04:05.000 ")+err.Error())
	}
}

// finish ends the prober and judges what it saw.
func (p *prober) finish(t *testing.T) {
	t.Helper()
	bedtest.Within(t, soon, "a handshake", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.handshakes == 0 {
			return errors.New("none yet")
		}
		return nil
	})
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("%d handshakes were made", p.handshakes)
	for i, err := range p.errors {
		if i == 5 {
			break
		}
		t.Error(err)
	}
	if len(p.errors) > 0 {
		t.Errorf("%d of %d handshakes were bad", len(p.errors), p.handshakes)
	}
}
