// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// connect returns a client of a server that answers as a function does.
func connect(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: test, clusters: [{name: test, cluster: {server: %q}}], contexts: [{name: test, context: {cluster: test}}]}`, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Connect(Access{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A list goes from page to page, and goes on where its pages have expired.
func TestEachPage(t *testing.T) {
	t.Parallel()
	var asked []string
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Query().Get("continue") {
		case "":
			fmt.Fprint(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"two"},"items":[{"n":1},{"n":2}]}`)
		case "two":
			w.WriteHeader(http.StatusGone)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","metadata":{"continue":"newer"},"status":"Failure","reason":"Expired","code":410}`)
		case "newer":
			fmt.Fprint(w, `{"items":[{"n":3}],"metadata":{}}`)
		}
	})
	var got []string
	err := c.Each(t.Context(), List{Resource: pods, Namespace: "shop", PageSize: 2}, func(o []byte) error {
		got = append(got, string(o))
		return nil
	})
	if want := []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("objects = %q, %v, want %q", got, err, want)
	}
	if len(asked) != 3 || asked[0] != "/api/v1/namespaces/shop/pods?limit=2" {
		t.Errorf("asked %q", asked)
	}
}

// What is stale asks for no page, and an answer that ends early is an error.
func TestEachStale(t *testing.T) {
	t.Parallel()
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "resourceVersion=0" || !strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList") {
			t.Errorf("asked %s, accepting %s", r.URL.RequestURI(), r.Header.Get("Accept"))
		}
		fmt.Fprint(w, `{"items":[{"n":1},{"n"`)
	})
	n := 0
	err := c.Each(t.Context(), List{Resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}, Stale: true, Metadata: true},
		func([]byte) error { n++; return nil })
	if err == nil || n != 1 {
		t.Errorf("%d objects, error %v, want 1 and an error", n, err)
	}
}

// A refusal keeps the words of the API server, and can be told from others.
func TestEachForbidden(t *testing.T) {
	t.Parallel()
	c := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods is forbidden: no","reason":"Forbidden","code":403}`)
	})
	err := c.Each(t.Context(), List{Resource: pods}, func([]byte) error { return errors.New("called") })
	if !apierrors.IsForbidden(err) || err.Error() != "pods is forbidden: no" {
		t.Errorf("error = %v", err)
	}
}
