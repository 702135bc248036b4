// SPDX-License-Identifier: Apache-2.0

package serves

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// HTTP is a request of this protocol.
type HTTP struct {
	Port     int    `json:"port"`
	Method   string `json:"method,omitempty"` // if empty, GET
	Path     string `json:"path"`
	Body     string `json:"body,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Status   int    `json:"status,omitempty"` // if 0, any below 300
	Want     string `json:"want,omitempty"`   // a part of the body
}

func (h *HTTP) ask(ctx context.Context, t Target) error {
	url := "http://" + at(t, h.Port) + h.Path
	r, err := http.NewRequestWithContext(ctx, h.Method, url, strings.NewReader(h.Body))
	if err != nil {
		return err
	}
	if h.User != "" {
		r.SetBasicAuth(h.User, h.Password)
	}
	// A transport of its own: no connection is kept, and no proxy of the environment's is used.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != h.Status && (h.Status != 0 || response.StatusCode >= 300) {
		return fmt.Errorf("%s: %s: %.200s", url, response.Status, body)
	}
	return wants(url+" has", string(body), h.Want)
}

func at(t Target, port int) string { return net.JoinHostPort(t.Address, strconv.Itoa(port)) }
