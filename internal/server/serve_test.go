// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/caseharden/caseharden/internal/cli"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// From the start to what is there to be seen while it runs.
func TestServe(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	p := serveChecked(t, "--ca-file", caFile)
	client := newClient(t, trust())

	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := p.probe(t, path); code != 200 || body != "ok\n" {
			t.Errorf("%s = %d %q", path, code, body)
		}
	}
	if code, _ := p.probe(t, "/enforce/hardened"); code != 404 {
		t.Errorf("a review's path without TLS = %d, want 404", code)
	}

	response, text, err := p.post(client, "/enforce/hardened", strings.NewReader(reviewOf(barePod)))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkAnswer(response.StatusCode, text); err != nil {
		t.Error(err)
	}
	if response.Proto != "HTTP/2.0" {
		t.Errorf("the answer came over %s", response.Proto)
	}
	if http1 := (&http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: trust(), DisableKeepAlives: true}}); p.review(http1) != nil {
		t.Errorf("HTTP/1.1: %v", p.review(http1))
	}
	if response, _, err := p.post(client, "/metrics", nil); err != nil || response.StatusCode != 404 {
		t.Errorf("/metrics over TLS: %v, %v, want 404", response, err)
	}

	// The CA is public, and nobody but us writes it.
	if info, err := os.Stat(caFile); err != nil || info.Mode().Perm()&0o022 != 0 {
		t.Errorf("--ca-file: %v, %v", info.Mode(), err)
	}
	checkMetrics(t, p)
}

func checkMetrics(t *testing.T, p *process) {
	t.Helper()
	code, text := p.probe(t, "/metrics")
	if code != 200 {
		t.Fatalf("/metrics = %d %s", code, text)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	for _, want := range []string{
		`caseharden_decisions_total{field="runAsUser",mode="enforce",outcome="inject",profile="hardened",reason="unset"} [12]`,
		`caseharden_decisions_total{field="runAsNonRoot",mode="warn",outcome="skip",profile="restricted",reason="runs-as-root"} 0`,
		`caseharden_pods_total{mode="enforce",namespace="shop",profile="hardened",result="patched"} [12]`,
		`caseharden_pods_total{mode="audit",namespace="_other",profile="restricted",result="unchanged"} 0`,
		`caseharden_request_duration_seconds_count{code="200",mode="enforce"} [12]`,
		`caseharden_request_duration_seconds_count{code="429",mode="audit"} 0`,
		`caseharden_requests_in_flight 0`,
		`caseharden_panics_total 0`,
		`caseharden_ready 1`,
		`caseharden_build_info{goversion="go[^"]+",revision="[^"]+",version="[^"]+"} 1`,
		`caseharden_certificate_not_after_timestamp_seconds{role="serving"} \S+`,
		`caseharden_certificate_not_after_timestamp_seconds{role="ca"} \S+`,
		`caseharden_certificate_rotations_total 0`,
		`caseharden_certificate_errors_total{step="parse"} 0`,
		`go_goroutines \d+`,
	} {
		pattern := strings.NewReplacer(`{`, `\{`, `}`, `\}`).Replace(want)
		if !regexp.MustCompile(`(?m)^` + pattern + `$`).MatchString(text) {
			t.Errorf("/metrics has no %s", want)
		}
	}
}

// SIGTERM: unready at once, while reviews go on, on old and on new connections.
// What is under way when the listener closes is finished.
func TestShutdown(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	p := serveChecked(t, "--ca-file", caFile, "--shutdown-delay", "4s")
	client := newClient(t, trust())
	if err := p.review(client); err != nil {
		t.Fatal(err)
	}

	// Three reviews of which half has been sent.
	review := reviewOf(barePod)
	answers := make(chan error)
	var rest []*io.PipeWriter
	for _, client := range []*http.Client{client, newClient(t, trust()), {Transport: &http.Transport{TLSClientConfig: trust()}}} {
		body, writer := io.Pipe()
		rest = append(rest, writer)
		go func() {
			response, text, err := p.post(client, "/enforce/hardened", body)
			if err == nil {
				err = checkAnswer(response.StatusCode, text)
			}
			answers <- err
		}()
		if _, err := io.WriteString(writer, review[:len(review)/2]); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "three requests in flight", func() bool {
		_, text := p.probe(t, "/metrics")
		return strings.Contains(text, "\ncaseharden_requests_in_flight 3\n")
	})

	p.signal(t, syscall.SIGTERM)
	eventually(t, "shutting down", func() bool { return p.lines("shutting down") != "" })
	if code, body := p.probe(t, "/readyz"); code != 503 || body != "shutting down\n" {
		t.Errorf("/readyz = %d %q after SIGTERM", code, body)
	}
	if code, _ := p.probe(t, "/healthz"); code != 200 {
		t.Errorf("/healthz = %d after SIGTERM", code)
	}
	eventually(t, "metrics that say so", func() bool { // they may be a second old
		_, text := p.probe(t, "/metrics")
		return strings.Contains(text, "\ncaseharden_ready 0\n")
	})
	for name, client := range map[string]*http.Client{"old": client, "new": newClient(t, trust())} {
		if err := p.review(client); err != nil {
			t.Errorf("on a connection that is %s, during the delay: %v", name, err)
		}
	}

	eventually(t, "refusing connections", func() bool { return p.review(newClient(t, trust())) != nil })
	for _, writer := range rest {
		if _, err := io.WriteString(writer, review[len(review)/2:]); err != nil {
			t.Error(err)
		}
		writer.Close()
		if err := <-answers; err != nil {
			t.Errorf("a review under way: %v", err)
		}
	}
	if state := p.wait(t); state.ExitCode() != 0 {
		t.Errorf("the process ended with %s", state)
	}
	if p.lines("drained") == "" {
		t.Errorf("the log does not say that it was drained")
	}
}

// During the delay after SIGTERM each answer takes its connection along: clients come
// back on another, which a Service leads to another replica.
func TestShutdownSendsClientsAway(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	p := serveChecked(t, "--ca-file", caFile, "--shutdown-delay", "1h")
	clients := map[string]*http.Client{
		"HTTP/2.0": newClient(t, trust()),
		"HTTP/1.1": {Transport: &http.Transport{TLSClientConfig: trust()}},
	}
	reused := func(protocol string) bool {
		t.Helper()
		var reused bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }})
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+p.addr+"/enforce/hardened", strings.NewReader(reviewOf(barePod)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := clients[protocol].Do(r)
		if err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK || response.Proto != protocol {
			t.Fatalf("%s: %s over %s, %v", protocol, response.Status, response.Proto, err)
		}
		return reused
	}
	for protocol := range clients {
		reused(protocol)
		if !reused(protocol) {
			t.Errorf("%s: a connection is not kept", protocol)
		}
	}
	p.signal(t, syscall.SIGTERM)
	eventually(t, "shutting down", func() bool { return p.lines("shutting down") != "" })
	for protocol := range clients {
		reused(protocol) // on the connection that there is, which it ends
		eventually(t, protocol+" on a new connection", func() bool { return !reused(protocol) })
	}
}

// An interrupt is as good as SIGTERM; a second signal ends the process at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	caFile, _ := ephemeralCA(t)
	p := serveChecked(t, "--ca-file", caFile, "--shutdown-delay", "1h")
	p.signal(t, syscall.SIGINT)
	eventually(t, "shutting down", func() bool { return p.lines("shutting down") != "" })
	// The first signal's handler is taken away a moment later.
	eventually(t, "ended by a signal", func() bool {
		p.signalIfRunning(syscall.SIGTERM)
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	status := p.command.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the process ended with %s, want by SIGTERM", p.command.ProcessState)
	}
}

func (p *process) signalIfRunning(s syscall.Signal) { _ = p.command.Process.Signal(s) }

// A second process on the same port must not take away the CA that the clients
// of the first one trust.
func TestCAFileOfAnother(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	p := serveChecked(t, "--ca-file", caFile)
	var stderr strings.Builder
	if code := cli.Run(t.Context(), cli.Build{}, []string{"serve", "--ca-file", caFile, "--addr", p.addr}, io.Discard, &stderr); code != 1 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if want := fmt.Sprintf("caseharden: --addr %q: something listens there already", p.addr); !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("stderr = %s, want %s", &stderr, want)
	}
	if err := p.review(newClient(t, trust())); err != nil {
		t.Error(err)
	}
}
