// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// pageSize is how many objects a page has: as many as kubectl asks for.
const pageSize = 500

// metadataOnly asks the API server for the metadata of objects alone.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

// A List says which objects to read.
type List struct {
	Resource  schema.GroupVersionResource
	Namespace string // empty: those of all namespaces
	Labels    string // a label selector
	Fields    string // a field selector

	// Stale takes the objects from the API server's memory, all at once. They may be a
	// moment old. Without it they come in pages.
	Stale    bool
	Metadata bool // the metadata alone
	PageSize int  // 0: 500
}

// Each reads objects one at a time, and calls do with the JSON of each. The JSON is valid
// until do returns. A list whose pages expire while it is read goes on with objects that are
// newer than those before.
func (c *Client) Each(ctx context.Context, l List, do func(object []byte) error) error {
	token := ""
	for {
		next, err := c.page(ctx, l, token, do)
		if status, ok := errors.AsType[*apierrors.StatusError](err); ok && token != "" && status.ErrStatus.Code == http.StatusGone && status.ErrStatus.Continue != "" {
			token = status.ErrStatus.Continue
			continue
		}
		if err != nil || next == "" {
			return err
		}
		token = next
	}
}

// page reads one page, and returns what leads to the next one.
func (c *Client) page(ctx context.Context, l List, token string, do func(object []byte) error) (next string, err error) {
	request := c.core.Get().AbsPath(l.path())
	set := func(name, value string) {
		if value != "" {
			request = request.Param(name, value)
		}
	}
	set("labelSelector", l.Labels)
	set("fieldSelector", l.Fields)
	set("continue", token)
	if l.Stale {
		set("resourceVersion", "0")
	} else {
		size := l.PageSize
		if size == 0 {
			size = pageSize
		}
		set("limit", strconv.Itoa(size))
	}
	if l.Metadata {
		request = request.SetHeader("Accept", metadataOnly)
	}
	stream, err := request.Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	next, err = eachItem(stream, do)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", l.Resource.Resource, err)
	}
	return next, nil
}

func (l List) path() string {
	root := path.Join("/apis", l.Resource.Group, l.Resource.Version)
	if l.Resource.Group == "" {
		root = path.Join("/api", l.Resource.Version)
	}
	if l.Namespace == "" {
		return path.Join(root, l.Resource.Resource)
	}
	return path.Join(root, "namespaces", l.Namespace, l.Resource.Resource)
}

// eachItem calls do with each item of a list that is read, and returns the token of the next
// page.
func eachItem(r io.Reader, do func(object []byte) error) (next string, err error) {
	dec := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return "", errors.Join(errors.New("the answer is no object"), err)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return "", err
		}
		switch member := name.String(); {
		case member == "metadata":
			var metadata struct {
				Continue string `json:"continue"`
			}
			if err := json.UnmarshalDecode(dec, &metadata); err != nil {
				return "", err
			}
			next = metadata.Continue
		case member == "items" && dec.PeekKind() == '[':
			if err := eachElement(dec, do); err != nil {
				return "", err
			}
		default:
			if err := dec.SkipValue(); err != nil {
				return "", err
			}
		}
	}
	return next, nil
}

func eachElement(dec *jsontext.Decoder, do func(object []byte) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		object, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if err := do(object); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// Object returns the JSON of one object. Namespace is empty for one that is in none.
func (c *Client) Object(ctx context.Context, r schema.GroupVersionResource, namespace, name string) ([]byte, error) {
	return readAll(ctx, c.core.Get().AbsPath(List{Resource: r, Namespace: namespace}.path(), name))
}

// Raw returns what the API server answers to a path, such as the summary of a kubelet.
func (c *Client) Raw(ctx context.Context, path string) ([]byte, error) {
	return readAll(ctx, c.core.Get().AbsPath(path))
}

// readAll returns an answer. Request.DoRaw would lose what an error says.
func readAll(ctx context.Context, request *rest.Request) ([]byte, error) {
	stream, err := request.Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return io.ReadAll(stream)
}
