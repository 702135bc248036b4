// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

const answersFile = "answers.json"

// WriteAnswers has Caseharden answer reviews, each given by the path at which the limit is
// to answer it, and writes the answers to dir: so the limit gives the very same, and the
// distance to it is what Caseharden does to find them.
func WriteAnswers(ctx context.Context, b Binaries, dir string, reviews map[string][]byte) (err error) {
	s, err := StartCaseharden(ctx, b, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	client := s.client()
	defer client.CloseIdleConnections()
	answers := map[string][]byte{}
	for path, review := range reviews {
		if answers[path], err = post(ctx, client, "https://"+s.Addr+PathCaseharden, review); err != nil {
			return fmt.Errorf("the answer for %s: %w", path, err)
		}
	}
	data, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, answersFile), data, 0o600)
}

// client returns one that trusts the server, over HTTP/2.
func (s *Server) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
}

func post(ctx context.Context, client *http.Client, url string, review []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(review))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		return nil, fmt.Errorf("%s over %s, want 200 over HTTP/2: %.200s", response.Status, response.Proto, body)
	}
	return body, nil
}
