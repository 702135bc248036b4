// SPDX-License-Identifier: Apache-2.0

//go:build linux

package direct

import (
	"os"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
)

// TestRun takes one short round, of reviews that Run itself sees answered as they should.
func TestRun(t *testing.T) {
	result, err := Run(t.Context(), Options{Rounds: 1, Duration: time.Millisecond, Clients: 2, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Kinds) != 8 || len(result.Idle) != len(targets) {
		t.Fatalf("there are %d kinds and %d servers, want 8 and %d", len(result.Kinds), len(result.Idle), len(targets))
	}
	for _, k := range result.Kinds {
		for _, s := range k.Servers {
			if s.CPU.Median <= 0 || s.Throughput.Median <= 0 || s.P50.Median <= 0 || s.P99.Median < s.P50.Median || s.Peak.Median <= 0 {
				t.Errorf("%s, %s: %+v: nothing can be zero, nor p99 below p50", k.Name, s.Name, s)
			}
		}
		if one := k.Server(Limit).ToLimit.Median; one != 1 {
			t.Errorf("%s: the limit takes %v times what it takes", k.Name, one)
		}
	}
	for _, idle := range result.Idle {
		if idle.Start.Median <= 0 || idle.Memory.Median <= 0 {
			t.Errorf("%+v: a start takes time, and a process memory", idle)
		}
	}
}

// TestGlance holds that a server which does not do its job is found out.
func TestGlance(t *testing.T) {
	const patched, unpatched, denied = `{"allowed":true,"patch":"W10="}`, `{"allowed":true}`, `{"allowed":false}`
	for _, tt := range []struct {
		patch  patch
		answer string
		ok     bool
	}{
		{patchNeeded, patched, true},
		{patchNeeded, unpatched, false},
		{patchNeeded, denied, false},
		{patchNeedless, unpatched, true},
		{patchNeedless, patched, false},
		{patchPossible, unpatched, true},
		{patchPossible, patched, true},
		{patchPossible, denied, false},
	} {
		k := &kind{patch: tt.patch}
		if err := k.glance([]byte(tt.answer)); (err == nil) != tt.ok {
			t.Errorf("a patch is %s, and the answer %s: error %v, want none: %t", tt.patch, tt.answer, err, tt.ok)
		}
	}
}

func TestKindsAndTheirPatches(t *testing.T) {
	kinds, err := reviews.Kinds("")
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range kinds {
		k, err := newKind(of)
		if err != nil {
			t.Fatal(err)
		}
		want := patchNeeded
		if of.Name == "hardened" {
			want = patchNeedless
		}
		if k.patch != want || k.containers == 0 {
			t.Errorf("%s: a patch is %s, want %s, of %d containers", of.Name, k.patch, want, k.containers)
		}
	}
}
