// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package apiserver measures what mutating admission adds to the creation of a pod
// through a real API server: no admission, a webhook that answers with constants, Caseharden,
// the same as a MutatingAdmissionPolicy in CEL, and the same in controller-runtime.
//
// All of them are installed in the same API server, each for a namespace of its own, so
// that nothing differs but who is called. They take turns of some tens of creates, in an
// order that changes from round to round, and what one adds is the difference to the turn
// without admission in the same round: what the machine does meanwhile hits all alike. An
// answer that is not hardened as it should be ends the benchmark.
//
// The creates are dry runs. These go through all of admission, but not to etcd, whose
// time (it waits for the disk) varies by more than what is measured here, and they leave
// nothing to delete. Caseharden does not count dry runs in its metrics, which it does for
// others without allocating anything.
//
// Start reading at Run. It needs Linux, which tells the processor time of a child.
package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/bench/servers"
	"github.com/caseharden/caseharden/e2e/bench/stats"
	"github.com/caseharden/caseharden/e2e/cluster"
)

// Options say how to measure. The zero value takes about two minutes.
type Options struct {
	// Rounds in which each contender has a turn with one client, and one with eight.
	Rounds int

	// Creates of a contender in a turn with one client; with eight it is four times as many.
	Creates int

	// Contenders by name; None must be the first. If nil, Default.
	Contenders []string

	// ControlPlane are the programs to run. If zero, they are compiled.
	ControlPlane cluster.Binaries

	// Log receives the progress, for people to read. If nil, it is discarded.
	Log io.Writer
}

const (
	// A multiple of twice the contenders: see stats.Order. With half as many, ratios of
	// what is added differ by 0.05 from run to run.
	defaultRounds = 40

	defaultCreates = 50 // a tenth of a second's
)

// turns are the numbers of clients that create pods at a time, and how many times
// Options.Creates they create in a turn.
var turns = []struct{ clients, times int }{{1, 1}, {8, 4}}

// progressInterval is how often a line tells that it goes on.
const progressInterval = 10 * time.Second

// Run starts an API server and all contenders, and measures. When it returns, all
// processes have ended.
func Run(ctx context.Context, o Options) (result Result, err error) {
	if o.Rounds == 0 {
		o.Rounds = defaultRounds
	}
	if o.Creates == 0 {
		o.Creates = defaultCreates
	}
	if o.Contenders == nil {
		o.Contenders = Default()
	}
	if o.Contenders[0] != None {
		return Result{}, fmt.Errorf("the first contender is %q, want %q", o.Contenders[0], None)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	binaries, err := servers.Compile(ctx, o.Log)
	if err != nil {
		return Result{}, err
	}
	controlPlane, err := cluster.Start(ctx, cluster.Options{Binaries: o.ControlPlane, Log: o.Log})
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, controlPlane.Stop()) }()
	b := &bench{controlPlane: controlPlane, log: o.Log}
	defer func() { err = errors.Join(err, b.stop()) }()
	if err := b.prepare(ctx, binaries, o.Contenders); err != nil {
		return Result{}, err
	}
	return b.measure(ctx, o.Rounds, o.Creates)
}

type bench struct {
	controlPlane *cluster.Cluster
	log          io.Writer
	clients      []*http.Client // with a connection each, as those of different programs
	contenders   []*contender
	pod          []byte // JSON
	result       Result
}

// prepare installs the contenders and returns when each does its job.
func (b *bench) prepare(ctx context.Context, binaries servers.Binaries, names []string) error {
	pod, err := readPod()
	if err != nil {
		return err
	}
	if b.pod, err = json.Marshal(pod); err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(b.controlPlane.Config())
	if err != nil {
		return err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	b.result.Kubernetes = version.GitVersion
	dir, err := os.MkdirTemp(b.controlPlane.Dir(), "webhooks-")
	if err != nil {
		return err
	}
	for range turns[len(turns)-1].clients {
		c, err := newClient(b.controlPlane.Config())
		if err != nil {
			return err
		}
		b.clients = append(b.clients, c)
	}
	for _, name := range names {
		c := &contender{name: name}
		b.contenders = append(b.contenders, c)
		if err := c.install(ctx, client, binaries, dir); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, c := range b.contenders {
		if err := b.waitForEffect(ctx, client, c, pod); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// newClient returns a client with a connection of its own: those of the same
// configuration would share one.
func newClient(config *rest.Config) (*http.Client, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true}
	wrapped, err := rest.HTTPWrappersForConfig(config, transport)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: wrapped}, nil
}

// waitForEffect creates a pod, and really, until it is as the contender should make it:
// the API server needs a moment to take up a configuration.
func (b *bench) waitForEffect(ctx context.Context, client kubernetes.Interface, c *contender, pod *corev1.Pod) error {
	pods := client.CoreV1().Pods(c.namespace)
	deadline := time.Now().Add(20 * time.Second)
	for {
		created, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		if err == nil {
			if created, err = pods.Get(ctx, created.Name, metav1.GetOptions{}); err != nil {
				return err
			}
			if err := pods.Delete(ctx, created.Name, *metav1.NewDeleteOptions(0)); err != nil {
				return err
			}
			if err = c.check(created); err == nil {
				if c.name == None {
					sent, err := json.Marshal(created)
					b.result.PodBytes = len(sent)
					return err
				}
				return nil
			}
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (b *bench) stop() error {
	var errs []error
	for _, c := range b.contenders {
		errs = append(errs, c.stop())
	}
	return errors.Join(errs...)
}

// measured is what one contender did in one round.
type measured struct {
	latencies          []time.Duration
	apiServer, webhook time.Duration // processor time
}

func (b *bench) measure(ctx context.Context, rounds, creates int) (Result, error) {
	b.result.Rounds = rounds
	all := make([][]map[string]measured, len(turns))
	begun, told := time.Now(), time.Now()
	// The round before the first warms all up, and does not count.
	for round := -1; round < rounds; round++ {
		for i, t := range turns {
			of := map[string]measured{}
			for _, n := range stats.Order(max(round, 0), len(b.contenders)) {
				c := b.contenders[n]
				m, err := b.turn(ctx, c, t.clients, t.times*creates)
				if err != nil {
					return Result{}, fmt.Errorf("%s: %w", c.name, err)
				}
				of[c.name] = m
			}
			if round >= 0 {
				all[i] = append(all[i], of)
			}
		}
		if time.Since(told) > progressInterval {
			told = time.Now()
			fmt.Fprintf(b.log, "pod creation: round %d of %d, %s\n", round+1, rounds, time.Since(begun).Round(time.Second))
		}
	}
	var names []string
	for _, c := range b.contenders {
		names = append(names, c.name)
	}
	for i, t := range turns {
		summary := summarize(t.clients, names, all[i])
		summary.Creates = t.times * creates
		b.result.Clients = append(b.result.Clients, summary)
	}
	return b.result, nil
}

// turn has clients create pods for one contender.
func (b *bench) turn(ctx context.Context, c *contender, clients, creates int) (m measured, err error) {
	apiServer, webhook, err := b.processorTimes(c)
	if err != nil {
		return measured{}, err
	}
	var (
		next  atomic.Int64
		group sync.WaitGroup
		errs  = make([]error, clients)
	)
	m.latencies = make([]time.Duration, creates)
	for i, client := range b.clients[:clients] {
		group.Go(func() {
			var answer bytes.Buffer
			for {
				n := int(next.Add(1)) - 1
				if n >= creates || errs[i] != nil {
					return
				}
				m.latencies[n], errs[i] = b.create(ctx, client, c, &answer)
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return measured{}, err
	}
	apiServerAfter, webhookAfter, err := b.processorTimes(c)
	m.apiServer, m.webhook = apiServerAfter-apiServer, webhookAfter-webhook
	return m, err
}

func (b *bench) processorTimes(c *contender) (apiServer, webhook time.Duration, err error) {
	if apiServer, err = b.controlPlane.APIServer().CPU(); err != nil || c.server == nil {
		return apiServer, 0, err
	}
	webhook, err = c.server.Process.CPU()
	return apiServer, webhook, err
}

// create creates a pod, as a dry run, and returns how long that took.
func (b *bench) create(ctx context.Context, client *http.Client, c *contender, answer *bytes.Buffer) (time.Duration, error) {
	url := b.controlPlane.URL() + "/api/v1/namespaces/" + c.namespace + "/pods?dryRun=All"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b.pod))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	answer.Reset()
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = answer.ReadFrom(response.Body)
	took := time.Since(begun)
	response.Body.Close()
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusCreated {
		return 0, fmt.Errorf("%s: %.500s", response.Status, answer)
	}
	// Cheap, as it runs beside what is measured; the pod has been looked at before.
	want := 0
	if c.hardened {
		want = containers
	}
	if got := bytes.Count(answer.Bytes(), []byte(`"readOnlyRootFilesystem":true`)); got != want {
		return 0, fmt.Errorf("%d containers are hardened, want %d", got, want)
	}
	return took, nil
}

// compared are the ratios that a result has, if it has both contenders.
var compared = [][2]string{{Caseharden, Limit}, {Caseharden, Policy}, {Caseharden, ControllerRuntime}, {Policy, Limit}}

// summarize makes statistics of what was measured, by round and contender.
func summarize(clients int, names []string, rounds []map[string]measured) Clients {
	// Of the contenders, for each round.
	type values struct{ p50, p99, apiServer, webhook []float64 }
	of := map[string]*values{}
	for _, name := range names {
		v := &values{}
		of[name] = v
		for _, round := range rounds {
			m := round[name]
			var latencies []float64
			for _, l := range m.latencies {
				latencies = append(latencies, milliseconds(l))
			}
			slices.Sort(latencies)
			creates := float64(len(latencies))
			v.p50 = append(v.p50, stats.Quantile(latencies, 0.5))
			v.p99 = append(v.p99, stats.Quantile(latencies, 0.99))
			v.apiServer = append(v.apiServer, milliseconds(m.apiServer)/creates)
			v.webhook = append(v.webhook, milliseconds(m.webhook)/creates)
		}
	}
	none := of[None]
	summary := Clients{Clients: clients}
	for _, name := range names {
		v := of[name]
		summary.Contenders = append(summary.Contenders, Measurement{
			Name:              name,
			P50:               stats.Of(v.p50),
			P99:               stats.Of(v.p99),
			AddedP50:          stats.Of(byRound(v.p50, none.p50, difference)),
			AddedP99:          stats.Of(byRound(v.p99, none.p99, difference)),
			APIServerCPU:      stats.Of(v.apiServer),
			AddedAPIServerCPU: stats.Of(byRound(v.apiServer, none.apiServer, difference)),
			WebhookCPU:        stats.Of(v.webhook),
		})
	}
	for _, pair := range compared {
		if of[pair[0]] == nil || of[pair[1]] == nil {
			continue
		}
		summary.Ratios = append(summary.Ratios, Ratio{Of: pair[0], To: pair[1], Added: stats.Of(byRound(
			byRound(of[pair[0]].p50, none.p50, difference), byRound(of[pair[1]].p50, none.p50, difference), quotient))})
	}
	return summary
}

func byRound(a, b []float64, f func(a, b float64) float64) []float64 {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = f(a[i], b[i])
	}
	return values
}

func difference(a, b float64) float64 { return a - b }
func quotient(a, b float64) float64   { return a / b }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
