// SPDX-License-Identifier: Apache-2.0

// Package serves finds out whether a server serves: by requests, as its clients make them,
// and by what it writes. That its port is open, or that its pod is ready, is not enough.
//
// Start reading at Check.
package serves

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Check is one request, and the answer that is wanted: exactly one of its fields is set.
type Check struct {
	HTTP *HTTP `json:"http,omitempty"`
	TCP  *TCP  `json:"tcp,omitempty"`
	UDP  *UDP  `json:"udp,omitempty"`
	DNS  *DNS  `json:"dns,omitempty"`
	SMTP *SMTP `json:"smtp,omitempty"`
	SSH  *SSH  `json:"ssh,omitempty"`
	Exec *Exec `json:"exec,omitempty"`
}

// A Target is where a server is.
type Target struct {
	Address string // its IP address
	// Exec runs a command beside the server, and returns what it prints.
	Exec func(ctx context.Context, command []string) (string, error)
}

// Exec is a command beside the server: a client that comes with it.
type Exec struct {
	Command []string `json:"command"`
	Want    string   `json:"want"` // a part of what it prints
}

// patience is for one request.
const patience = 10 * time.Second

// All makes all requests, in their order, and returns the first error.
func All(ctx context.Context, t Target, checks []Check) error {
	if len(checks) == 0 {
		return errors.New("no check says what it is to serve")
	}
	for _, c := range checks {
		ctx, cancel := context.WithTimeout(ctx, patience)
		err := c.ask(ctx, t)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c Check) ask(ctx context.Context, t Target) error {
	switch {
	case c.HTTP != nil:
		return c.HTTP.ask(ctx, t)
	case c.TCP != nil:
		return c.TCP.ask(ctx, t)
	case c.UDP != nil:
		return c.UDP.ask(ctx, t)
	case c.DNS != nil:
		return c.DNS.ask(ctx, t)
	case c.SMTP != nil:
		return c.SMTP.ask(ctx, t)
	case c.SSH != nil:
		return c.SSH.ask(ctx, t)
	case c.Exec != nil:
		output, err := t.Exec(ctx, c.Exec.Command)
		if err != nil {
			return err
		}
		return wants("the command prints", output, c.Exec.Want)
	}
	return errors.New("a check asks for nothing")
}

func wants(what, got, want string) error {
	if !strings.Contains(got, want) {
		return fmt.Errorf("%s %.200q, want %q", what, got, want)
	}
	return nil
}
