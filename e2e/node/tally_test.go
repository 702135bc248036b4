// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A creation is what became of one create of a pod.
type creation struct {
	begun, ended time.Time
	err          string // empty if it succeeded
}

// A tally is what was seen of a load.
type tally struct {
	direct, controllers figures // creates by a user, and by ReplicaSets
	created, seen       int     // pods, of all that time, by the answers and by the watch
}

func (o tally) String() string {
	return fmt.Sprintf("direct: %v\ncontrollers: %v\n%d pods seen", o.direct, o.controllers, o.seen)
}

// Figures are about creates that ended after the fault began.
type figures struct {
	creates, failed int
	slowest         time.Duration  // of one create
	last            time.Duration  // from the fault to the end of the last one that failed
	gap             time.Duration  // the longest time without one that succeeded
	causes          map[string]int // of failures
}

func (f figures) String() string {
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	line := fmt.Sprintf("%d creates, %d failed, the last of them after %v; the slowest took %v; at most %v without any", f.creates, f.failed, ms(f.last), ms(f.slowest), ms(f.gap))
	for cause, n := range f.causes {
		line += fmt.Sprintf("\n  %d: %s", n, cause)
	}
	return line
}

func (l *load) tally(t *testing.T) (o tally) {
	t.Helper()
	controllers, err := l.audited()
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	direct := slices.Clone(l.direct)
	l.mu.Unlock()
	for _, one := range slices.Concat(direct, controllers) {
		if one.err == "" {
			o.created++
		}
	}
	bedtest.Within(t, 10*time.Second, "the watch to see all pods", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if o.seen = len(l.seen); o.seen < o.created {
			return fmt.Errorf("it has seen %d of %d", o.seen, o.created)
		}
		return nil
	})
	o.direct, o.controllers = figuresOf(direct, l.begun), figuresOf(controllers, l.begun)
	return o
}

func figuresOf(creations []creation, from time.Time) figures {
	f := figures{causes: map[string]int{}}
	slices.SortFunc(creations, func(a, b creation) int { return a.ended.Compare(b.ended) })
	succeeded := from
	for _, one := range creations {
		if one.ended.Before(from) {
			continue
		}
		f.creates++
		f.slowest = max(f.slowest, one.ended.Sub(one.begun))
		if one.err == "" {
			f.gap = max(f.gap, one.ended.Sub(succeeded))
			succeeded = one.ended
			continue
		}
		f.failed++
		f.last = one.ended.Sub(from)
		f.causes[one.err[max(0, len(one.err)-100):]]++
	}
	return f
}

// audited returns the creates by controllers, of which the audit log tells.
func (l *load) audited() ([]creation, error) {
	f, err := os.Open(c.AuditLog())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	log, err := io.ReadAll(io.NewSectionReader(f, l.audit, 1<<40))
	if err != nil {
		return nil, err
	}
	var creations []creation
	for line := range strings.Lines(string(log)) {
		if !strings.Contains(line, `"verb":"create"`) || !strings.Contains(line, "/namespaces/"+l.namespace+"/pods") || !strings.Contains(line, ":replicaset-controller") {
			continue
		}
		var event struct {
			Stage                                    string
			RequestReceivedTimestamp, StageTimestamp time.Time
			ResponseStatus                           struct {
				Code    int
				Message string
			}
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			continue // an API server that was killed has left half a line
		}
		one := creation{begun: event.RequestReceivedTimestamp, ended: event.StageTimestamp}
		if event.ResponseStatus.Code >= 400 {
			one.err = fmt.Sprintf("%d: %s", event.ResponseStatus.Code, event.ResponseStatus.Message)
		}
		creations = append(creations, one)
	}
	return creations, nil
}
