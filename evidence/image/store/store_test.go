// SPDX-License-Identifier: Apache-2.0

package store

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

func index(t testing.TB, names ...string) *layer.Index {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	i, err := layer.Read(t.Context(), &b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(i *layer.Index) (all []string) {
	for e := range i.Entries() {
		all = append(all, e.Path)
	}
	return all
}

func TestRemembers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "layers")
	s := open(t, dir)
	if _, ok := s.Get("sha256:1"); ok {
		t.Error("an empty store has an index")
	}
	if err := s.Put("sha256:1", index(t, "a", "b/c")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, ok := open(t, dir).Get("sha256:1")
	if !ok {
		t.Fatal("the index is gone")
	}
	if diff := cmp.Diff([]string{"a", "b/c"}, names(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v: want one", len(entries), err)
	}
}

// A file that is damaged anywhere, cut off, or of another layer counts as none, and is written
// again.
func TestDamaged(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Put("sha256:1", index(t, "a", "b")); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(s.file("sha256:1"))
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{nil, good[:len(good)-1], append(slices.Clone(good), 0)}
	for i := range good {
		changed := slices.Clone(good)
		changed[i] ^= 0x40
		bad = append(bad, changed)
	}
	for _, data := range bad {
		if err := os.WriteFile(s.file("sha256:1"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Get("sha256:1"); ok {
			t.Fatalf("read from %q", data)
		}
	}
	if err := os.WriteFile(s.file("sha256:2"), good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get("sha256:2"); ok {
		t.Error("read what is of another layer")
	}
	if err := s.Put("sha256:1", index(t, "a")); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get("sha256:1"); !ok {
		t.Error("not written again")
	}
}

// What was used longest ago goes first, and never what this process needs.
func TestTrim(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 6 {
		digest := fmt.Sprintf("sha256:%d", i)
		if err := s.Put(digest, index(t, "a")); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(time.Duration(i-20) * 24 * time.Hour)
		if err := os.Chtimes(s.file(digest), old, old); err != nil {
			t.Fatal(err)
		}
	}
	for name, age := range map[string]time.Duration{"new-1": 2 * time.Hour, "new-2": time.Minute} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(s.file("sha256:0"))
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	s.maxSize = 3 * info.Size()
	for _, digest := range []string{"sha256:0", "sha256:2"} { // makes 2 the latest of all, and 0 is needed
		if _, ok := s.Get(digest); !ok {
			t.Fatal("gone too early")
		}
	}
	old := time.Now().Add(-100 * 24 * time.Hour) // as another process may see it
	if err := os.Chtimes(s.file("sha256:0"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{"new-2", "sha256-0.1", "sha256-2.1", "sha256-5.1"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// Several processes write and read the same directory: nobody sees half a file.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	want := []string{"a", "b", "c"}
	i := index(t, want...)
	var all sync.WaitGroup
	for range 8 {
		s := open(t, dir)
		all.Go(func() {
			for n := range 50 {
				digest := fmt.Sprintf("sha256:%d", n%5)
				if err := s.Put(digest, i); err != nil {
					t.Error(err)
				}
				if got, ok := s.Get(digest); !ok || !slices.Equal(names(got), want) {
					t.Errorf("%s: %v", digest, ok)
				}
			}
		})
	}
	all.Wait()
	left, _ := filepath.Glob(filepath.Join(dir, "new-*"))
	if len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// Where nothing can be kept, a directory for this process alone does.
func TestTemporary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", filepath.Join(file, "layers")} {
		s := open(t, dir)
		if err := s.Put("sha256:1", index(t, "a")); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Get("sha256:1"); !ok {
			t.Error("not remembered")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", s.dir, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, i := range []*layer.Index{index(f, "a", "a/b", "c"), index(f, "x/.wh.y", "z/.wh..wh..opq")} {
		data, err := encode("sha256:1", i)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		body, err := i.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// As it is, and as the content of a file whose sum is right.
		for _, file := range [][]byte{data, seal("sha256:1", data)} {
			i, err := decode("sha256:1", file)
			if err != nil {
				continue
			}
			n := 0
			for e := range i.Entries() {
				n++
				if len(e.Path) > layer.MaxPath {
					t.Errorf("a path of %d bytes", len(e.Path))
				}
			}
			if n != i.Len() {
				t.Errorf("%d entries, and Len() = %d", n, i.Len())
			}
		}
	})
}
