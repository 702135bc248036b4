// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A registry is one in memory, with TLS, for cases that a real one does not make. The tests in
// e2e/images use a real one.
type registry struct {
	*httptest.Server
	mu        sync.Mutex
	manifests map[string][]byte // by tag and by digest
	blobs     map[digest.Digest][]byte
	requests  map[string]int // by path

	// around handles a request unless it returns false.
	around func(w http.ResponseWriter, r *http.Request) bool
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{manifests: map[string][]byte{}, blobs: map[digest.Digest][]byte{}, requests: map[string]int{}}
	r.Server = httptest.NewUnstartedServer(r)
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *registry) host() string { return r.Listener.Addr().String() }

func (r *registry) authorities() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests[req.URL.Path]++
	around := r.around
	parts := strings.Split(req.URL.Path, "/") // /v2/NAME/manifests/TAG
	kind, what := parts[len(parts)-2], parts[len(parts)-1]
	data, ok := r.manifests[what]
	if kind == "blobs" {
		data, ok = r.blobs[digest.Digest(what)]
	}
	r.mu.Unlock()
	if around != nil && around(w, req) {
		return
	}
	if !ok {
		http.NotFound(w, req)
		return
	}
	if kind == "manifests" {
		var d imageManifest
		_ = json.Unmarshal(data, &d)
		w.Header().Set("Content-Type", cmp.Or(d.MediaType, ocispec.MediaTypeImageManifest))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	w.Write(data)
}

func (r *registry) counts(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for path, count := range r.requests {
		if strings.Contains(path, "/"+kind+"/") {
			n += count
		}
	}
	return n
}

// blob keeps a blob, and returns its descriptor.
func (r *registry) blob(mediaType string, data []byte) ocispec.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := digest.FromBytes(data)
	r.blobs[d] = data
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

// manifest keeps a manifest or an index, also under a tag unless that is empty.
func (r *registry) manifest(tag, mediaType string, value any) ocispec.Descriptor {
	data := marshal(value)
	r.mu.Lock()
	defer r.mu.Unlock()
	d := digest.FromBytes(data)
	r.manifests[d.String()] = data
	if tag != "" {
		r.manifests[tag] = data
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

// image keeps an image of these layers.
func (r *registry) image(tag string, config ocispec.Image, layers ...[]byte) ocispec.Descriptor {
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}
	m.SchemaVersion = 2
	for _, l := range layers {
		m.Layers = append(m.Layers, r.blob(ocispec.MediaTypeImageLayer, l))
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(l))
	}
	m.Config = r.blob(ocispec.MediaTypeImageConfig, marshal(config))
	return r.manifest(tag, m.MediaType, m)
}

func (r *registry) index(tag string, manifests ...ocispec.Descriptor) ocispec.Descriptor {
	i := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: manifests}
	i.SchemaVersion = 2
	return r.manifest(tag, i.MediaType, i)
}

func marshal(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

func platformed(d ocispec.Descriptor, os, arch, variant string) ocispec.Descriptor {
	d.Platform = &ocispec.Platform{OS: os, Architecture: arch, Variant: variant}
	return d
}

func configured(os, arch string, c ocispec.ImageConfig) ocispec.Image {
	return ocispec.Image{Platform: ocispec.Platform{OS: os, Architecture: arch}, Config: c}
}

// files returns a layer with these files, by their content.
func files(t testing.TB, contents ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(contents); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: contents[i], Mode: 0o755, Uid: 7, Size: int64(len(contents[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(contents[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
