// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// A mistake is a request that is no review, and the status code that it must get.
type mistake struct {
	name, method, path, contentType, body string
	code                                  int
}

func mistakes() []mistake {
	const path, plain = "/enforce/hardened", "application/json"
	good := string(newReview("", 0, path, createOf, "pods", smallPod, aPatch).body("1"))
	return []mistake{
		{"get", http.MethodGet, path, plain, "", 405},
		{"no such mode", http.MethodPost, "/mutate", plain, good, 404},
		{"no such profile", http.MethodPost, "/enforce/nobody", plain, good, 404},
		{"yaml", http.MethodPost, path, "application/yaml", good, 415},
		{"no content type", http.MethodPost, path, "", good, 415},
		{"empty", http.MethodPost, path, plain, "", 400},
		{"half", http.MethodPost, path, plain, good[:len(good)/2], 400},
		{"not JSON", http.MethodPost, path, plain, "apiVersion: v1", 400},
		{"another kind", http.MethodPost, path, plain, `{"apiVersion":"v1","kind":"Pod"}`, 400},
		{"deep", http.MethodPost, path, plain, strings.Repeat("[", 50_000), 400},
		{"a pod that is none", http.MethodPost, path, plain, strings.Replace(good, `{"metadata"`, `{"spec":7,"metadata"`, 1), 400},
		{"8 MiB", http.MethodPost, path, plain, strings.Repeat(" ", 8<<20), 413},
		{"many containers", http.MethodPost, path, plain, strings.Replace(good, `"containers":[`, `"containers":[`+strings.Repeat("{},", 20_000), 1), 413},
	}
}

// make sends a mistake and demands its code. A server that answers before it has read
// all may reset a connection on which the rest still comes; over HTTP/2 it does not.
func (c *caller) make(ctx context.Context, m mistake) error {
	code, _, answer, err := c.send(ctx, m.method, m.path, m.contentType, []byte(m.body))
	if err != nil {
		return err
	}
	if code == http.StatusTooManyRequests {
		return nil // the bodies of others fill the memory
	}
	if code != m.code || strings.Contains(string(answer), "patch") {
		return fmt.Errorf("%d %.200s, want %d", code, answer, m.code)
	}
	return nil
}

// A nuisance is a client that takes its time, or leaves in the middle. It gets until
// the context ends; whatever the server does to it is right, unless it says so.
type nuisance struct {
	name string
	do   func(ctx context.Context, conn *tls.Conn) error
}

const head = "POST /enforce/hardened HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

func nuisances() []nuisance {
	small := newReview("", 0, "", createOf, "pods", smallPod, aPatch)
	request := fmt.Sprintf(head, len(small.body("7"))) + string(small.body("7"))
	manyContainers := strings.Replace(string(small.body("7")), `"containers":[`, `"containers":[`+strings.Repeat("{},", 1000), 1)
	return []nuisance{
		{"slow header", func(ctx context.Context, conn *tls.Conn) error { return drip(ctx, conn, request[:60]) }},
		{"slow body", func(ctx context.Context, conn *tls.Conn) error {
			if err := drip(ctx, conn, request); err != nil {
				return nil // it was dropped, to make room
			}
			_, err := answerOf(conn)
			return err
		}},
		{"answer not read", func(ctx context.Context, conn *tls.Conn) error {
			for range 20 {
				if _, err := fmt.Fprintf(conn, head+"%s", len(manyContainers), manyContainers); err != nil {
					break
				}
			}
			<-ctx.Done()
			return nil
		}},
		{"half closed", func(_ context.Context, conn *tls.Conn) error {
			if _, err := io.WriteString(conn, request); err != nil {
				return err
			}
			if err := conn.CloseWrite(); err != nil {
				return err
			}
			code, err := answerOf(conn)
			if err == nil && code != "200" && code != "429" {
				err = errors.New(code)
			}
			return err
		}},
		{"cut in the body", func(_ context.Context, conn *tls.Conn) error {
			_, err := io.WriteString(conn, request[:len(request)-10])
			return err
		}},
		{"reset in the body", func(_ context.Context, conn *tls.Conn) error {
			_, err := io.WriteString(conn, request[:len(request)-10])
			return errors.Join(err, conn.NetConn().(*net.TCPConn).SetLinger(0))
		}},
		{"reset before the answer", func(_ context.Context, conn *tls.Conn) error {
			_, err := io.WriteString(conn, request)
			return errors.Join(err, conn.NetConn().(*net.TCPConn).SetLinger(0))
		}},
		{"idle", func(ctx context.Context, _ *tls.Conn) error { <-ctx.Done(); return nil }},
	}
}

// drip sends a byte at a time, as far as it comes.
func drip(ctx context.Context, conn net.Conn, text string) error {
	for i := range len(text) {
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			_, err := io.WriteString(conn, text[i+1:])
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// answerOf returns the status code of an answer, or "" if the server has hung up.
func answerOf(conn net.Conn) (code string, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
		return "", err
	}
	answer := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return "", fmt.Errorf("no answer: %w", err)
	}
	return string(answer[len("HTTP/1.1 "):]), nil
}

// be runs a nuisance against a replica for some seconds.
func (n nuisance) be(ctx context.Context, r *replica) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+rand.IntN(3000))*time.Millisecond)
	defer cancel()
	dialing, stop := context.WithTimeout(context.Background(), callTimeout)
	defer stop()
	conn, err := (&tls.Dialer{Config: r.issuer.trust("http/1.1")}).DialContext(dialing, "tcp", r.Running().Addr)
	if err != nil {
		return err
	}
	defer conn.(*tls.Conn).NetConn().Close()
	return n.do(ctx, conn.(*tls.Conn))
}

// cancel sends a review over HTTP/2 and resets the stream at some moment.
func (c *caller) cancel(ctx context.Context, r *review) {
	ctx, stop := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
	defer stop()
	_, _, _, _ = c.send(ctx, http.MethodPost, r.path, "application/json", r.body("9"))
}
