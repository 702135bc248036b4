// SPDX-License-Identifier: Apache-2.0

//go:build linux

package direct

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
)

const (
	plainPod    = `{"spec":{"containers":[{"name":"app","image":"app"}]}}`
	hardenedPod = `{"spec":{"containers":[{"name":"app","image":"app","securityContext":{"runAsNonRoot":true,"runAsUser":1,
		"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},
		"seccompProfile":{"type":"RuntimeDefault"}}}]}}`
)

// writeCorpus returns a file of which reviews take the two pods.
func writeCorpus(t *testing.T, first, second string) string {
	t.Helper()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	line := func(pod string) string { return `{"pod":` + strings.ReplaceAll(pod, "\n", "") + "}\n" }
	// Every tenth is taken.
	if _, err := io.WriteString(w, strings.Repeat(line(first), 10)+line(second)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pods.jsonl.gz")
	if err := os.WriteFile(file, zipped.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRun takes one short round, of reviews that Run itself sees answered as they should.
func TestRun(t *testing.T) {
	result, err := Run(t.Context(), Options{
		Rounds: 1, Duration: time.Millisecond, Clients: 2, Corpus: writeCorpus(t, plainPod, hardenedPod), Log: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Kinds) != 9 || len(result.Idle) != len(targets) {
		t.Fatalf("there are %d kinds and %d servers, want 9 and %d", len(result.Kinds), len(result.Idle), len(targets))
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

// TestCorpusWithoutPatches holds that pods which nothing is done to do not count as real
// ones that are hardened.
func TestCorpusWithoutPatches(t *testing.T) {
	_, err := Run(t.Context(), Options{
		Rounds: 1, Duration: time.Millisecond, Clients: 1, Corpus: writeCorpus(t, hardenedPod, hardenedPod), Log: os.Stderr,
	})
	if err == nil || !strings.Contains(err.Error(), "corpus: no answer has a patch") {
		t.Errorf("error %v, want that no answer has a patch", err)
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
