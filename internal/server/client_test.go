// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

// barePod sets nothing, so that every review of it is answered with a patch.
const barePod = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app"}]}}`

// reviewOf is what an API server sends when the pod is created.
func reviewOf(pod string) string {
	return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"7f3f2a1e",` +
		`"resource":{"group":"","version":"v1","resource":"pods"},"namespace":"shop","operation":"CREATE","object":` + pod + `}}`
}

// newClient returns a client that speaks HTTP/2, as API servers do on loopback.
func newClient(t testing.TB, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: patience, Transport: transport}
}

// ephemeralCA returns the path for --ca-file and a function that reads it when
// the process has written it.
func ephemeralCA(t testing.TB) (path string, trust func() *tls.Config) {
	path = filepath.Join(t.TempDir(), "ca.crt")
	return path, func() *tls.Config {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			t.Fatalf("no certificate in %s", text)
		}
		return &tls.Config{RootCAs: pool}
	}
}

// post sends a body to a path of the webhook.
func (p *process) post(client *http.Client, path string, body io.Reader) (*http.Response, string, error) {
	response, err := client.Post("https://"+p.addr+path, "application/json", body)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// review returns an error unless a good review is answered with a patch, over
// HTTP/2 where the client speaks it.
func (p *process) review(client *http.Client) error {
	response, text, err := p.post(client, "/enforce/hardened", strings.NewReader(reviewOf(barePod)))
	if err != nil {
		return err
	}
	return checkAnswer(response.StatusCode, text)
}

func checkAnswer(code int, text string) error {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&review); code != http.StatusOK || err != nil {
		return fmt.Errorf("a good review was answered with %d %s", code, text)
	}
	if r := review.Response; r == nil || !r.Allowed || r.UID != "7f3f2a1e" || !bytes.Contains(r.Patch, []byte("runAsNonRoot")) {
		return fmt.Errorf("a good review was answered with %s", text)
	}
	return nil
}
