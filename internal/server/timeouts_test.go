// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// slack is what a busy machine may add to a timeout.
const slack = 10 * time.Second

// Clients that are slow in every phase of a request, all at once, since each
// test has to wait for its timeout: none outlasts it.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	p := serveBuilt(t, "--ca-file", caFile)
	a := newAttacker(t, p, "127.0.0.2")
	crowd := newAttacker(t, p, "127.0.0.3")

	var all sync.WaitGroup
	for name, slow := range map[string]func() error{
		"no handshake":           func() error { return noHandshake(a, nil) },
		"half a handshake":       func() error { return noHandshake(a, []byte{22, 3, 1, 2, 0, 1, 0}) },
		"no header":              func() error { return slowHeader(a, "", "") },
		"half a header":          func() error { return slowHeader(a, "POST /enforce/hardened HTTP/1.1\r\nHost:", "") },
		"a header in drips":      func() error { return slowHeader(a, "POST /enforce/hardened HTTP/1.1\r\nX:", "x") },
		"half a body":            func() error { return slowBody(a, "") },
		"a body in drips":        func() error { return slowBody(a, " ") },
		"HTTP/2: half a body":    func() error { return slowBodyHTTP2(a) },
		"HTTP/2: no settings":    func() error { return noSettings(a) },
		"HTTP/2: no window":      func() error { return noWindow(a) },
		"HTTP/2: no reading":     func() error { return noReadingHTTP2(a) },
		"HTTP/1.1: no reading":   func() error { return noReading(a) },
		"a crowd of one's own":   func() error { return lockedOut(crowd) },
		"metrics: half a header": func() error { return slowScrape(a) },
	} {
		all.Go(func() {
			if err := slow(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	client := newClient(t, trust())
	for range 20 { // meanwhile
		time.Sleep(time.Second / 2)
		p.mustServe(t, client)
	}
	all.Wait()
	p.mustServe(t, client)
	if most := p.memory(t, "VmHWM"); most > maxMemory {
		t.Errorf("the process took %d MiB, want at most %d", most, maxMemory)
	}
}

// within demands that the server hangs up in time.
func within(conn net.Conn, since time.Time, limit time.Duration) (said string, err error) {
	said, after, err := hungUp(conn, since)
	if err == nil && after > limit+slack {
		err = fmt.Errorf("the server hung up after %s, want %s", after, limit)
	}
	return said, err
}

// drip sends the text again and again until it cannot.
func drip(conn net.Conn, text string) {
	for text != "" {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func noHandshake(a *attacker, hello []byte) error {
	since := time.Now()
	conn, err := a.tcp()
	if err != nil {
		return err
	}
	conn.Write(hello)
	_, err = within(conn, since, headerTimeout)
	return err
}

func slowHeader(a *attacker, begin, more string) error {
	since := time.Now()
	conn, err := a.http1(begin)
	if err != nil {
		return err
	}
	go drip(conn, more)
	_, err = within(conn, since, headerTimeout)
	return err
}

func slowBody(a *attacker, more string) error {
	since := time.Now()
	conn, err := a.http1(halfSent)
	if err != nil {
		return err
	}
	go drip(conn, more)
	said, err := within(conn, since, readTimeout)
	if err == nil && (!strings.HasPrefix(said, "HTTP/1.1 408 ") || !strings.Contains(said, "the body did not arrive in time")) {
		err = fmt.Errorf("the server said %q, want 408", said)
	}
	return err
}

func slowBodyHTTP2(a *attacker) error {
	since := time.Now()
	body, writer := io.Pipe()
	defer writer.Close()
	go io.WriteString(writer, "{")
	response, text, err := a.target.post(a.client(), "/enforce/hardened", body)
	switch after := time.Since(since); {
	case err != nil:
		return err
	case response.Proto != "HTTP/2.0" || response.StatusCode != http.StatusRequestTimeout || after > readTimeout+slack:
		return fmt.Errorf("after %s: %s %s %s", after, response.Proto, response.Status, text)
	}
	return nil
}

// noSettings chooses HTTP/2 and then says nothing. Go's server waits for the
// first word for 10 seconds.
func noSettings(a *attacker) error {
	since := time.Now()
	conn, err := a.tls("h2")
	if err != nil {
		return err
	}
	_, err = within(conn, since, 10*time.Second)
	return err
}

// noWindow leaves no room for the answer of a stream, which the server resets.
func noWindow(a *attacker) error {
	since := time.Now()
	conn, err := a.http2(0)
	if err != nil {
		return err
	}
	if err := conn.post(1, "/enforce/hardened", []byte(reviewOf(barePod))); err != nil {
		return err
	}
	for reader := bufio.NewReader(conn); ; {
		header := make([]byte, 9)
		if _, err := io.ReadFull(reader, header); err != nil {
			return err
		}
		length := int64(binary.BigEndian.Uint32(header) >> 8)
		if _, err := io.CopyN(io.Discard, reader, length); err != nil {
			return err
		}
		if header[3] == frameReset {
			if after := time.Since(since); after > writeTimeout+slack {
				return fmt.Errorf("the stream was reset after %s", after)
			}
			return nil
		}
	}
}

// manyContainers is a pod whose answer, of more than a megabyte, is more than
// the buffers between two sockets hold if it comes often enough.
var manyContainers = reviewOf(`{"spec":{"containers":[` + strings.TrimSuffix(strings.Repeat(`{"name":"app"},`, 1000), ",") + `]}}`)

// unread takes nothing from a connection until the server must have given it up,
// and then finds that it has: what is left to read comes to an end.
func unread(conn net.Conn) error {
	time.Sleep(writeTimeout + slack)
	conn.SetReadDeadline(time.Now().Add(slack))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the connection is still open after %s", writeTimeout+slack)
	}
	return nil
}

func noReading(a *attacker) error {
	request := fmt.Sprintf("POST /enforce/hardened HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(manyContainers), manyContainers)
	conn, err := a.http1(strings.Repeat(request, 10))
	if err != nil {
		return err
	}
	return unread(conn.NetConn())
}

func noReadingHTTP2(a *attacker) error {
	conn, err := a.http2(1 << 30)
	if err != nil {
		return err
	}
	// And as much for all the streams together, so that nothing but the socket
	// is full.
	if err := conn.frame(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, 1<<30)); err != nil {
		return err
	}
	for stream := uint32(1); stream < 60; stream += 2 {
		if err := conn.post(stream, "/enforce/hardened", []byte(manyContainers)); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond) // more of these at once are refused
	}
	return unread(conn.NetConn())
}

// lockedOut fills the table with active connections from one address, and then
// comes from there as an honest client. It is served once they have run into
// their timeouts.
func lockedOut(a *attacker) error {
	since := time.Now()
	for range maxConnections + 10 {
		a.http1(halfSent) // the last ones are closed at once
	}
	client := a.client()
	client.Timeout = slack
	for {
		err := a.target.review(client)
		after := time.Since(since)
		switch {
		case err == nil:
			return nil
		case after > readTimeout+slack:
			return fmt.Errorf("locked out after %s: %w", after, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func slowScrape(a *attacker) error {
	since := time.Now()
	conn, err := a.dialer.Dial("tcp", a.target.metricsAddr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * patience))
	io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost:")
	_, err = within(conn, since, headerTimeout)
	return err
}
