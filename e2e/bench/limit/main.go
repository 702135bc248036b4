// SPDX-License-Identifier: Apache-2.0

// Command limit is the least that a mutating webhook can do: it speaks TLS and HTTP as
// any does, reads the review, looks at nothing but its UID, and always answers the same
// patch. No webhook written with net/http can be faster, so benchmarks measure the
// distance to it. It is of no use for anything else: the patch is wrong for a pod whose
// first container has a securityContext already.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"
)

// hardened is what Caseharden's profile of that name fills in, for the first container.
const hardened = `[{"op":"add","path":"/spec/containers/0/securityContext","value":{` +
	`"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,` +
	`"runAsNonRoot":true,"runAsUser":10001,"seccompProfile":{"type":"RuntimeDefault"}}}]`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:9443", "where to serve, HOST:PORT")
	certFile := flag.String("tls-cert", "", "file with the certificate, PEM")
	keyFile := flag.String("tls-key", "", "file with the key, PEM")
	patch := flag.Bool("patch", true, "answer with a patch")
	flag.Parse()

	server := &http.Server{
		Addr:              *addr,
		Handler:           newHandler(*patch),
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	return server.ListenAndServeTLS(*certFile, *keyFile)
}

// A handler answers reviews.
type handler struct {
	buffers sync.Pool // of *bytes.Buffer
	end     []byte    // of an answer, from the end of the UID on
}

func newHandler(patch bool) *handler {
	end := `","allowed":true`
	if patch {
		end += `,"patchType":"JSONPatch","patch":"` + base64.StdEncoding.EncodeToString([]byte(hardened)) + `"`
	}
	return &handler{
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		end:     []byte(end + "}}"),
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buffer := h.buffers.Get().(*bytes.Buffer)
	defer h.buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	uid, err := findUID(buffer.Bytes())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := make([]byte, 0, 1024)
	answer = append(answer, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"`...)
	answer = append(answer, uid...)
	answer = append(answer, h.end...)
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone away is nobody to tell.
	_, _ = w.Write(answer)
}

// findUID returns the first UID in a review, which is that of the request: an API server
// writes it first.
func findUID(review []byte) ([]byte, error) {
	_, rest, found := bytes.Cut(review, []byte(`"uid":"`))
	uid, _, ends := bytes.Cut(rest, []byte(`"`))
	if !found || !ends {
		return nil, errors.New("there is no uid")
	}
	return uid, nil
}
