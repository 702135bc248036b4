// SPDX-License-Identifier: Apache-2.0

// Package source has the places in which images are: registries, OCI layouts, and archives. It
// hands out manifests and blobs as they are there: what they say is for the caller to check.
package source

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxManifest is the most that a manifest, an index or a configuration may have, in bytes.
const MaxManifest = 4 << 20

// A Source has one image, or an index of several that differ by platform.
type Source interface {
	// Root returns the manifest or the index that the name of the image stands for.
	Root(ctx context.Context) ([]byte, error)
	// Blob opens a manifest or a blob. Its digest is not checked yet.
	Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error)
	// Close closes what is open.
	Close() error
}

// Read reads a manifest or a configuration, and checks its digest.
func Read(ctx context.Context, s Source, d ocispec.Descriptor) ([]byte, error) {
	if err := CheckDigest(d.Digest); err != nil {
		return nil, err
	}
	r, err := s.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := readSmall(r, d.Digest.String())
	if err != nil {
		return nil, err
	}
	if d.Digest.Algorithm().FromBytes(data) != d.Digest {
		return nil, &DigestError{Digest: d.Digest}
	}
	return data, nil
}

func readSmall(r io.Reader, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxManifest+1))
	if err == nil && len(data) > MaxManifest {
		err = fmt.Errorf("%s has more than %d MiB", what, MaxManifest>>20)
	}
	return data, err
}

// CheckDigest returns an error for what is no digest of SHA-256 or SHA-512.
func CheckDigest(d digest.Digest) error {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 && d.Algorithm() != digest.SHA512 {
		return fmt.Errorf("digest %q: must be one of SHA-256 or SHA-512", shorten(string(d)))
	}
	return nil
}

// A DigestError says that a blob has another content than its name says.
type DigestError struct{ Digest digest.Digest }

func (e *DigestError) Error() string {
	return fmt.Sprintf("the content of %s has another digest", e.Digest)
}
