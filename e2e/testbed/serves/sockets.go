// SPDX-License-Identifier: Apache-2.0

package serves

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
)

// TCP is what a client sends on a connection, and what it gets.
type TCP struct {
	Port int    `json:"port"`
	Send string `json:"send"`
	Want string `json:"want"` // a part of all that comes back
}

func (c *TCP) ask(ctx context.Context, t Target) error {
	connection, err := dial(ctx, "tcp", at(t, c.Port))
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := connection.Write([]byte(c.Send)); err != nil {
		return err
	}
	var got []byte
	for buffer := make([]byte, 4096); ; {
		n, err := connection.Read(buffer)
		if got = append(got, buffer[:n]...); bytes.Contains(got, []byte(c.Want)) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("port %d: got %.200q, want %q: %w", c.Port, got, c.Want, err)
		}
	}
}

// UDP is a datagram and its answer, in hexadecimal digits.
type UDP struct {
	Port    int    `json:"port"`
	Hex     string `json:"hex"`
	WantHex string `json:"wantHex"` // how the answer begins
}

func (c *UDP) ask(ctx context.Context, t Target) error {
	message, err := hex.DecodeString(c.Hex)
	if err != nil {
		return err
	}
	connection, err := dial(ctx, "udp", at(t, c.Port))
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := connection.Write(message); err != nil {
		return err
	}
	answer := make([]byte, 2048)
	n, err := connection.Read(answer)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(answer[:n]); len(got) < len(c.WantHex) || got[:len(c.WantHex)] != c.WantHex {
		return fmt.Errorf("port %d answers %.100s, want %s…", c.Port, got, c.WantHex)
	}
	return nil
}

// DNS is a question for the addresses of a name.
type DNS struct {
	Port int    `json:"port"`
	Name string `json:"name"`
	Want string `json:"want"` // one of the addresses
}

func (c *DNS) ask(ctx context.Context, t Target) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, at(t, c.Port))
	}}
	addresses, err := resolver.LookupHost(ctx, c.Name+".")
	if err != nil {
		return err
	}
	if !slices.Contains(addresses, c.Want) {
		return fmt.Errorf("%s is at %v, want %s", c.Name, addresses, c.Want)
	}
	return nil
}

// dial returns a connection that ends with the context.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = connection.SetDeadline(deadline)
	}
	return connection, err
}
