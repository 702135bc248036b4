// SPDX-License-Identifier: Apache-2.0

// Command constant is a webhook that decides nothing: it reads the review, takes its UID, and
// gives the answer that it was told to give at this path. Benchmarks compare with it. With
// --check it first checks the review as Caseharden's decoder does, which every webhook must.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "constant:", err)
		os.Exit(1)
	}
}

// heapFloor is Caseharden's, so that garbage is collected as seldom.
const heapFloor = 8 << 20

func run() error {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	addr := flag.String("addr", "", "HOST:PORT to serve at")
	certFile := flag.String("tls-cert", "", "file with the certificate, PEM")
	keyFile := flag.String("tls-key", "", "file with the key, PEM")
	answersFile := flag.String("answers", "", "file with a JSON object: path to answer, an AdmissionReview with any UID in base64")
	check := flag.Bool("check", false, "reject a review that is not JSON")
	flag.Parse()

	data, err := os.ReadFile(*answersFile)
	if err != nil {
		return fmt.Errorf("--answers: %w", err)
	}
	h := &handler{check: *check}
	if err := json.Unmarshal(data, &h.answers); err != nil {
		return fmt.Errorf("--answers=%s: %w", *answersFile, err)
	}
	server := &http.Server{
		Addr: *addr, Handler: h,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	return server.ListenAndServeTLS(*certFile, *keyFile)
}

type handler struct {
	check   bool
	answers map[string][]byte // by path
	buffers sync.Pool         // of *bytes.Buffer
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buffer, ok := h.buffers.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	defer h.buffers.Put(buffer)
	buffer.Reset()
	_, err := buffer.ReadFrom(r.Body)
	review, constant := buffer.Bytes(), h.answers[r.URL.Path]
	if h.check && !jsontext.Value(review).IsValid(jsontext.AllowDuplicateNames(true)) {
		err = errors.New("the review is not JSON")
	}
	from, to := findUID(review)
	start, end := findUID(constant)
	if err != nil || from < 0 || start < 0 {
		http.Error(w, fmt.Sprintf("cannot answer: %v, or no UID in the review, or no answer for %s", err, r.URL.Path), http.StatusBadRequest)
		return
	}
	// Behind the review, so that its memory is used again.
	buffer.Write(constant[:start])
	buffer.Write(review[from:to])
	buffer.Write(constant[end:])
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(buffer.Bytes()[len(review):]) // a client that has gone away needs no answer
}

// findUID returns where the first UID in a review begins and ends; -1 if there is none. It is
// the one of the request or response: API servers write it first, and so does Caseharden.
func findUID(review []byte) (from, to int) {
	const name = `"uid":"`
	before, uid, found := bytes.Cut(review, []byte(name))
	length := bytes.IndexByte(uid, '"')
	if !found || length < 0 {
		return -1, -1
	}
	from = len(before) + len(name)
	return from, from + length
}
