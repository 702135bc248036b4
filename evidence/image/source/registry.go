// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Registries are the registries that images are read from.
type Registries struct {
	client      *http.Client
	guard       *guard
	credentials *Credentials

	mu          sync.Mutex
	plain       map[string]bool  // hosts that speak HTTP without TLS
	unreachable map[string]error // hosts, so that their other images do not wait for them too
}

// NewRegistries returns registries that trust these authorities, nil for those of the system,
// and speak plain HTTP with loopback addresses and the hosts of insecure.
func NewRegistries(authorities *x509.CertPool, insecure []string, c *Credentials) *Registries {
	g := newGuard(authorities, insecure)
	return &Registries{client: g.client(), guard: g, credentials: c, plain: map[string]bool{}, unreachable: map[string]error{}}
}

// acceptedManifests are the formats of manifests and indexes that are asked for.
var acceptedManifests = []string{
	ocispec.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json",
	ocispec.MediaTypeImageManifest, "application/vnd.docker.distribution.manifest.v2+json",
}

// Open returns the image of a name that [reference.ParseDockerRef] returned.
func (r *Registries) Open(name reference.Named) Source {
	s := &registryImage{registries: r, name: name, tag: "latest"}
	switch n := name.(type) {
	case reference.Digested:
		s.tag, s.digest = n.Digest().String(), n.Digest()
	case reference.Tagged:
		s.tag = n.Tag()
	}
	ref := registry.Reference{Registry: reference.Domain(name), Repository: reference.Path(name)}
	// A layer may be all that is asked for: the manifest is known from the round before.
	r.mu.Lock()
	plain := r.plain[ref.Host()]
	r.mu.Unlock()
	s.repository = &remote.Repository{
		Reference: ref, PlainHTTP: plain, ManifestMediaTypes: acceptedManifests, MaxMetadataBytes: MaxManifest + 1, // what is longer is cut off there
		// One client for each repository: the credentials may be those of a namespace.
		Client: &auth.Client{
			Client: r.client, Cache: auth.NewCache(), ClientID: "caseharden",
			Header: http.Header{"User-Agent": {"caseharden"}},
			Credential: func(ctx context.Context, _ string) (auth.Credential, error) {
				return r.credentials.For(ctx, name.Name())
			},
		},
	}
	return s
}

type registryImage struct {
	registries *Registries
	name       reference.Named
	tag        string
	digest     digest.Digest // if the name has one
	repository *remote.Repository
}

func (s *registryImage) Close() error { return nil }

// Root asks for the manifest, with TLS first. Hosts for which plain HTTP is allowed are asked
// without where they do not speak TLS.
func (s *registryImage) Root(ctx context.Context) ([]byte, error) {
	r, host := s.registries, s.repository.Reference.Host()
	r.mu.Lock()
	known := r.unreachable[host]
	s.repository.PlainHTTP = r.plain[host]
	r.mu.Unlock()
	if known != nil {
		return nil, known
	}
	data, err := s.root(ctx)
	if err != nil && !s.repository.PlainHTTP && r.guard.mayBePlain(host) && (isDial(err) || SpeaksNoTLS(err)) {
		s.repository.PlainHTTP = true
		data, err = s.root(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.plain[host] = s.repository.PlainHTTP
	case isDial(err) && ctx.Err() == nil:
		r.unreachable[host] = err
	}
	return data, err
}

func (s *registryImage) root(ctx context.Context) ([]byte, error) {
	_, body, err := s.repository.Manifests().FetchReference(ctx, s.tag)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := readSmall(body, "the manifest")
	if err != nil {
		return nil, err
	}
	// A registry's own word on the digest of a tag does not count.
	if s.digest != "" && s.digest.Algorithm().FromBytes(data) != s.digest {
		return nil, &DigestError{Digest: s.digest}
	}
	return data, nil
}

func (s *registryImage) Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	if isManifest(d.MediaType) {
		return s.repository.Manifests().Fetch(ctx, d)
	}
	return s.repository.Blobs().Fetch(ctx, d)
}

func isManifest(mediaType string) bool {
	return slices.Contains(acceptedManifests, mediaType)
}

// SpeaksNoTLS reports whether a server answered a TLS handshake with something else.
func SpeaksNoTLS(err error) bool {
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok || errors.Is(err, http.ErrSchemeMismatch)
}

// isDial reports whether no connection could be made.
func isDial(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}

// Parse returns the image that a name in a manifest stands for, as container runtimes see it:
// nginx is docker.io/library/nginx:latest, and of a name with tag and digest the digest counts.
func Parse(name string) (reference.Named, error) {
	named, err := reference.ParseDockerRef(name)
	if err != nil {
		return nil, fmt.Errorf("not the name of an image: %w", err)
	}
	return named, nil
}
