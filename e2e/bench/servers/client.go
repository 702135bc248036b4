// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// NewClient returns a client of the server, with a connection of its own, over HTTP/2. The
// caller must close it (CloseIdleConnections): a server that stops would wait for it.
func (s *Server) NewClient() (*http.Client, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		return nil, fmt.Errorf("%s: its CA is no PEM", s.Name)
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
		MaxConnsPerHost:   1,
	}}, nil
}

// Post sends a review and reads the answer, in place of what answer held. Anything but 200
// over HTTP/2 is an error.
func Post(ctx context.Context, client *http.Client, url string, review []byte, answer *bytes.Buffer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(review))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer.Reset()
	if _, err := io.Copy(answer, response.Body); err != nil {
		return err
	}
	switch {
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %.200s", response.Status, answer)
	case response.ProtoMajor != 2:
		return errors.New("the server does not speak HTTP/2")
	}
	return nil
}
