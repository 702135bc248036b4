// SPDX-License-Identifier: Apache-2.0

// Package webhook runs the product in tests, the demo and benchmarks: the
// compiled binary as a process on loopback, with the webhook configuration that
// is shipped, in which only the Service is replaced by the address of that
// process.
package webhook

import (
	"bufio"
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
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// Compile builds the product's binary and returns its path. It reports its
// progress to w.
func Compile(ctx context.Context, w io.Writer) (string, error) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return "", err
	}
	dir, err := gobuild.BinDir()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "caseharden")
	return binary, gobuild.Compile(ctx, w, gobuild.Program{
		Name: "caseharden",
		Dir:  root,
		Args: []string{"-buildvcs=false", "."},
		Out:  binary,
	})
}

// A Webhook is a running caseharden serve.
type Webhook struct {
	Addr        string // host:port, of the webhook
	MetricsAddr string // host:port, of metrics and probes
	CA          []byte // PEM, of its certificate; nil where that is managed
	LogFile     string

	process *process.Process
	client  *http.Client // trusts CA

	mu      sync.Mutex // guards the following
	scraped time.Time  // the last time
}

// Start runs binary with an ephemeral certificate and further flags, which may
// replace its own ones, and returns when it is ready. Its files go to dir, which
// no other Webhook may use. The caller must call Stop.
func Start(ctx context.Context, binary, dir string, flags ...string) (*Webhook, error) {
	caFile := filepath.Join(dir, "caseharden-ca.crt")
	w, err := StartManaged(ctx, binary, dir, append([]string{"--ca-file=" + caFile}, flags...)...)
	if err != nil {
		return nil, err
	}
	if w.CA, err = os.ReadFile(caFile); err != nil {
		w.process.Kill()
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.CA)
	w.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	return w, nil
}

// readAddresses looks for the log line that says where the process serves: it
// has picked the ports itself, so that nobody else can have taken them.
func (w *Webhook) readAddresses() error {
	log, err := os.ReadFile(w.LogFile)
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(bytes.NewReader(log)); lines.Scan(); {
		var line struct{ Msg, Addr, MetricsAddr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			w.Addr, w.MetricsAddr = line.Addr, line.MetricsAddr
			return nil
		}
	}
	return errors.New("it has not said where it serves")
}

// Stop ends the process as the kubelet does and waits for it.
func (w *Webhook) Stop() error { return w.process.Stop() }

// Post sends a body to the webhook, straight and over TLS, and returns the
// answer.
func (w *Webhook) Post(ctx context.Context, path string, body []byte) (code int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.Addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := w.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// Metrics are samples by series, as in caseharden_panics_total or
// caseharden_pods_total{mode="enforce",namespace="shop",…}, with labels in
// alphabetical order; of a histogram, its _count.
type Metrics map[string]float64

// maxScrapeAge is for how long the webhook answers with what it has answered before.
const maxScrapeAge = time.Second

// Metrics reads what the webhook exports of its own, as it is now.
func (w *Webhook) Metrics(ctx context.Context) (Metrics, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	time.Sleep(time.Until(w.scraped.Add(maxScrapeAge)))
	defer func() { w.scraped = time.Now() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.MetricsAddr+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New("/metrics: " + response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, fmt.Errorf("/metrics: %w", err)
	}
	metrics := Metrics{}
	for name, family := range families {
		if !strings.HasPrefix(name, "caseharden_") {
			continue
		}
		if family.GetType() == dto.MetricType_HISTOGRAM {
			name += "_count"
		}
		for _, m := range family.Metric {
			metrics[series(name, m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return metrics, nil
}

func series(name string, m *dto.Metric) string {
	if len(m.Label) == 0 {
		return name
	}
	var labels []string
	for _, l := range m.Label {
		labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	return name + "{" + strings.Join(labels, ",") + "}"
}

// Since returns the series that have changed, and by how much.
func (m Metrics) Since(before Metrics) Metrics {
	changed := Metrics{}
	for s, value := range m {
		if value != before[s] {
			changed[s] = value - before[s]
		}
	}
	return changed
}
