// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Layer is a blob to push. Open is called once, and only if the registry does not have it.
type Layer struct {
	Descriptor v1.Descriptor
	Open       func() (io.ReadCloser, error)
}

// Bytes returns a layer of these bytes.
func Bytes(mediaType string, data []byte) Layer {
	return Layer{
		Descriptor: v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))},
		Open:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// Push pushes an image under a name in the repository, which is a tag or empty, and returns the
// descriptor of its manifest.
func (r *Registry) Push(ctx context.Context, repository, tag string, config v1.Image, layers ...Layer) (v1.Descriptor, error) {
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest}
	m.SchemaVersion = 2
	text, err := json.Marshal(config)
	if err != nil {
		return v1.Descriptor{}, err
	}
	blob := Bytes(v1.MediaTypeImageConfig, text)
	m.Config = blob.Descriptor
	for _, l := range append(layers, blob) {
		if err := r.pushBlob(ctx, repository, l); err != nil {
			return v1.Descriptor{}, err
		}
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Descriptor)
	}
	return r.PushManifest(ctx, repository, tag, m.MediaType, m)
}

// PushManifest pushes a manifest or an index.
func (r *Registry) PushManifest(ctx context.Context, repository, tag, mediaType string, value any) (v1.Descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
	if tag == "" {
		tag = d.Digest.String()
	}
	response, err := r.do(ctx, http.MethodPut, r.URL("/v2/"+repository+"/manifests/"+tag), mediaType, bytes.NewReader(text))
	if err != nil {
		return d, err
	}
	return d, response.Body.Close()
}

func (r *Registry) pushBlob(ctx context.Context, repository string, l Layer) error {
	if response, err := r.do(ctx, http.MethodHead, r.URL("/v2/"+repository+"/blobs/"+l.Descriptor.Digest.String()), "", nil); err == nil {
		return response.Body.Close()
	}
	begun, err := r.do(ctx, http.MethodPost, r.URL("/v2/"+repository+"/blobs/uploads/"), "", nil)
	if err != nil {
		return err
	}
	begun.Body.Close()
	to, err := begun.Request.URL.Parse(begun.Header.Get("Location"))
	if err != nil {
		return err
	}
	query := to.Query()
	query.Set("digest", l.Descriptor.Digest.String())
	to.RawQuery = query.Encode()
	body, err := l.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	response, err := r.do(ctx, http.MethodPut, to.String(), "application/octet-stream", body)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// do sends a request as the registry's user, and returns an error for what is no success.
func (r *Registry) do(ctx context.Context, method, address, contentType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if r.options.User != "" {
		request.SetBasicAuth(r.options.User, r.options.Password)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		response.Body.Close()
		at, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		return nil, refused{method, at.Path, response.Status}
	}
	return response, nil
}

// Blob opens a blob.
func (r *Registry) Blob(ctx context.Context, repository string, d digest.Digest) (io.ReadCloser, error) {
	response, err := r.do(ctx, http.MethodGet, r.URL("/v2/"+repository+"/blobs/"+d.String()), "", nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}
