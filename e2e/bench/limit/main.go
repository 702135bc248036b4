// SPDX-License-Identifier: Apache-2.0

// Command limit is a webhook that finds nothing out: it speaks TLS and HTTP as any does,
// reads the review, looks at nothing but its UID, and gives the answer that it was told to
// give at this path. Benchmarks measure the distance to it. It is of no other use.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

// heapFloor is that of Caseharden, so that garbage is collected as seldom.
const heapFloor = 8 << 20

func run() error {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	addr := flag.String("addr", "127.0.0.1:9443", "where to serve, HOST:PORT")
	certFile := flag.String("tls-cert", "", "file with the certificate, PEM")
	keyFile := flag.String("tls-key", "", "file with the key, PEM")
	answersFile := flag.String("answers", "", "file with the answers, each an AdmissionReview with any UID, by path: a JSON object of base64")
	flag.Parse()

	answers, err := readAnswers(*answersFile)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:              *addr,
		Handler:           &handler{answers: answers},
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	return server.ListenAndServeTLS(*certFile, *keyFile)
}

// An answer is what stands before the UID and after it.
type answer struct{ before, after []byte }

func readAnswers(file string) (map[string]answer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--answers: %w", err)
	}
	var texts map[string][]byte
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, fmt.Errorf("--answers %s: %w", file, err)
	}
	answers := map[string]answer{}
	for path, text := range texts {
		before, _, after, err := splitAtUID(text)
		if err != nil {
			return nil, fmt.Errorf("--answers %s: the answer at %s: %w", file, path, err)
		}
		answers[path] = answer{before, after}
	}
	return answers, nil
}

// A handler answers reviews.
type handler struct {
	buffers sync.Pool         // of *bytes.Buffer
	answers map[string]answer // by path
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buffer, ok := h.buffers.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	defer h.buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, uid, _, err := splitAtUID(buffer.Bytes())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, found := h.answers[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// Behind the review, so that the memory is used again.
	end := buffer.Len()
	buffer.Write(answer.before)
	buffer.Write(uid)
	buffer.Write(answer.after)
	// A client that has gone away is nobody to tell.
	_, _ = w.Write(buffer.Bytes()[end:])
}

// splitAtUID returns the first UID in a review, and what stands around it. It is that of
// the request or response: an API server writes it first, and so does Caseharden.
func splitAtUID(review []byte) (before, uid, after []byte, err error) {
	const name = `"uid":"`
	found := bytes.Index(review, []byte(name))
	if found < 0 {
		return nil, nil, nil, errors.New("there is no uid")
	}
	start := found + len(name)
	length := bytes.IndexByte(review[start:], '"')
	if length < 0 {
		return nil, nil, nil, errors.New("the uid has no end")
	}
	return review[:start], review[start : start+length], review[start+length:], nil
}
