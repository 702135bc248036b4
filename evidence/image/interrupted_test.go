// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A transfer that breaks off is tried again; one that always does is an error.
func TestInterrupted(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", strings.Repeat("x", 100_000)))
	name := r.host() + "/app:1"
	var breaks atomic.Int32
	layer := digest.FromBytes(files(t, "a", strings.Repeat("x", 100_000)))
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, layer.String()) || breaks.Add(-1) < 0 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(r.blobs[layer])))
		w.Write(r.blobs[layer][:50_000])
		panic(http.ErrAbortHandler)
	}
	breaks.Store(2)
	if got := read(t, Options{Authorities: r.authorities()}, name)[name]; got.err != nil {
		t.Error(got.err)
	}
	breaks.Store(3)
	got := read(t, Options{Authorities: r.authorities()}, name)[name]
	if got.err == nil || !strings.Contains(got.err.Error(), "the transfer was interrupted") {
		t.Errorf("error %v", got.err)
	}
}

// A connection that is reset in the middle of a layer is a transfer that broke off: the
// registry was reached.
func TestReset(t *testing.T) {
	r := newRegistry(t)
	data := files(t, "a", strings.Repeat("x", 100_000))
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), data)
	name, layer := r.host()+"/app:1", digest.FromBytes(data)
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, layer.String()) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:50_000])
		http.NewResponseController(w).Flush()
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return true
		}
		connection.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0) // close with a reset
		connection.(*tls.Conn).NetConn().Close()
		return true
	}
	got := read(t, Options{Authorities: r.authorities()}, name)[name]
	if _, reset := errors.AsType[*net.OpError](got.err); !reset {
		t.Fatalf("the connection was not reset: %v", got.err)
	}
	if !strings.Contains(got.err.Error(), ": the transfer was interrupted: ") || !strings.Contains(got.err.Error(), "run the command again") {
		t.Errorf("error %v", got.err)
	}
}

// A reader remembers that a registry speaks plain HTTP, also for layers that it has to read
// again without asking for the manifest.
func TestReadsAgainWithoutTLS(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", ""))
	plain := httptest.NewServer(r)
	defer plain.Close()
	name, cache := plain.Listener.Addr().String()+"/app:1", t.TempDir()
	reader, err := New(Options{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for round := range 2 {
		reader.Read(t.Context(), []string{name}, "", nil, func(_ string, _ *evidence.Image, err error) {
			if err != nil {
				t.Errorf("round %d: %v", round+1, err)
			}
		})
		removed := 0
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, _ error) error {
			if d != nil && d.Type().IsRegular() && os.Remove(path) == nil {
				removed++
			}
			return nil
		})
		if removed == 0 {
			t.Error("no layer was remembered")
		}
	}
	if n := r.counts("blobs"); n != 3 {
		t.Errorf("%d blobs were read, want 3: the layer twice", n)
	}
}

// Ctrl-C ends the reading at once, and every image that is left says why.
func TestCanceled(t *testing.T) {
	r := newRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.around = func(_ http.ResponseWriter, req *http.Request) bool {
		cancel()
		<-req.Context().Done()
		return true
	}
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("%s/app:%d", r.host(), i))
	}
	for name, got := range readOn(t, ctx, Options{Authorities: r.authorities()}, "", names...) {
		if fmt.Sprint(got.err) != "interrupted: run the command again" {
			t.Errorf("%s: %v", name, got.err)
		}
	}
}
