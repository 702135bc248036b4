// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caseharden/caseharden/internal/server"
)

// maxMemory is what the process may take under any of these attacks, in MiB: what it keeps,
// twice, since the heap doubles before it is collected; and 40 for the program, and for what
// the runtime and TLS keep.
const maxMemory = 2*server.MaxMemory>>20 + 40

// An attacker has an address of its own, where the machine has more than one on
// loopback, and never checks a certificate.
type attacker struct {
	t      *testing.T
	target *process
	dialer net.Dialer
}

func newAttacker(t *testing.T, target *process, address string) *attacker {
	t.Helper()
	a := &attacker{t: t, target: target, dialer: net.Dialer{Timeout: patience}}
	listener, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Logf("the attacker shares the client's address: %s", err)
		return a
	}
	listener.Close()
	a.dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(address)}
	return a
}

func insecure(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}
}

// tcp opens a connection that lasts until the test ends, if the server lets it.
func (a *attacker) tcp() (net.Conn, error) {
	conn, err := a.dialer.Dial("tcp", a.target.addr)
	if err != nil {
		return nil, err
	}
	a.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * patience)) // so that no mistake of the test blocks for ever
	return conn, nil
}

// tls opens a connection and shakes hands.
func (a *attacker) tls(protocols ...string) (*tls.Conn, error) {
	conn, err := a.tcp()
	if err != nil {
		return nil, err
	}
	tlsConn := tls.Client(conn, insecure(protocols...))
	return tlsConn, tlsConn.Handshake()
}

// http1 opens a connection and sends the bytes.
func (a *attacker) http1(text string) (*tls.Conn, error) {
	conn, err := a.tls("http/1.1")
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, text)
	return conn, err
}

// client returns an ordinary client with the address of the attacker.
func (a *attacker) client() *http.Client {
	transport := &http.Transport{TLSClientConfig: insecure(), DialContext: a.dialer.DialContext, ForceAttemptHTTP2: true}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * patience}
}

// rawHTTP2 is a connection on which any frame can be sent. It reads nothing.
type rawHTTP2 struct{ *tls.Conn }

// The parts of RFC 9113 that are needed.
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameWindowUpdate, frameContinuation = 0, 1, 3, 4, 6, 8, 9

	flagEndStream, flagEndHeaders = 1, 4

	settingInitialWindowSize = 4
)

// http2 opens a connection whose streams the server may not send a byte of body
// on, if the window is 0.
func (a *attacker) http2(window uint32) (rawHTTP2, error) {
	conn, err := a.tls("h2")
	if err != nil {
		return rawHTTP2{}, err
	}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		return rawHTTP2{}, err
	}
	setting := binary.BigEndian.AppendUint16(nil, settingInitialWindowSize)
	c := rawHTTP2{conn}
	return c, c.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32(setting, window))
}

// unreading opens HTTP/2 connections that leave no room for answers, and does something
// on each, at the same time. On a busy machine handshakes would run into their timeout if
// all were made at once.
func (a *attacker) unreading(connections int, do func(i int, c rawHTTP2)) {
	var opened atomic.Int64
	var all sync.WaitGroup
	handshakes := make(chan struct{}, 50)
	for i := range connections {
		all.Go(func() {
			handshakes <- struct{}{}
			c, err := a.http2(0)
			<-handshakes
			if err != nil {
				a.t.Log(err)
				return
			}
			opened.Add(1)
			do(i, c)
		})
	}
	all.Wait()
	if opened.Load() < int64(connections)/2 {
		a.t.Errorf("%d connections of %d were opened: too few to be an attack", opened.Load(), connections)
	}
}

func frameBytes(kind, flags byte, stream uint32, payload []byte) []byte {
	header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	header = binary.BigEndian.AppendUint32(append(header, flags), stream)
	return append(header, payload...)
}

func (c rawHTTP2) frame(kind, flags byte, stream uint32, payload []byte) error {
	_, err := c.Write(frameBytes(kind, flags, stream, payload))
	return err
}

// requestHeader is the header of a POST, each field as a literal that is in no
// table.
func requestHeader(path string) []byte {
	var block []byte
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", path}, {"content-type", "application/json"}} {
		block = append(block, 0, byte(len(field[0])))
		block = append(block, field[0]...)
		block = append(block, byte(len(field[1])))
		block = append(block, field[1]...)
	}
	return block
}

// post sends a whole request.
func (c rawHTTP2) post(stream uint32, path string, body []byte) error {
	if err := c.frame(frameHeaders, flagEndHeaders, stream, requestHeader(path)); err != nil {
		return err
	}
	return c.frame(frameData, flagEndStream, stream, body)
}

// hungUp waits until the server closes the connection, and returns what it said
// before and how long that took.
func hungUp(conn net.Conn, since time.Time) (said string, after time.Duration, err error) {
	text, err := io.ReadAll(conn)
	after = time.Since(since)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return string(text), after, fmt.Errorf("the connection is still open after %s", after)
	}
	return string(text), after, nil // a reset is as good as an end
}

// openFiles returns how many connections this process can open, having raised
// the limit as far as it goes.
func openFiles(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Logf("the limit of open files stays as it is: %s", err)
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	const others = 500 // what else the tests have open
	return int(min(limit.Cur, 1<<20)) - others
}
