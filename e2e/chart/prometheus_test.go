// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// A monitor is a Prometheus that scrapes the pods of an installation and its API server,
// with the rules that are shipped.
type monitor struct {
	in      *installation
	api     prometheusv1.API
	targets string // the file in which the pods are listed
}

// scrapeConfig is how a Prometheus without an operator would be set up; that it scrapes
// each second saves the test's time.
const scrapeConfig = `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
- job_name: caseharden
  honor_labels: true
  file_sd_configs: [{files: [%q], refresh_interval: 1s}]
- job_name: apiserver
  scheme: https
  authorization: {credentials: %q}
  tls_config: {ca_file: %q}
  static_configs: [{targets: [%q]}]
`

func newMonitor(t *testing.T, in *installation) *monitor {
	t.Helper()
	dir := t.TempDir()
	targets := filepath.Join(dir, "targets.json")
	findPods(t, in, targets)
	config := in.cluster.Config()
	m := startPrometheus(t, dir, fmt.Sprintf(scrapeConfig, rulesFile(), targets, config.BearerToken, write(t, config.CAData), strings.TrimPrefix(in.cluster.URL(), "https://")))
	m.in, m.targets = in, targets
	return m
}

// startPrometheus starts one with a configuration, whose files go to dir.
func startPrometheus(t *testing.T, dir, config string) *monitor {
	t.Helper()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "config", file)
	address := freeAddress(t)
	p, err := process.Start("prometheus", filepath.Join(dir, "prometheus.log"), prometheusBinary,
		"--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	m := &monitor{api: prometheusv1.NewAPI(client)}
	err = p.WaitReady(t.Context(), func(ctx context.Context) error {
		_, err := m.api.Buildinfo(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// freeAddress returns one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// findPods tells Prometheus which pods there are.
func (m *monitor) findPods(t *testing.T) {
	t.Helper()
	findPods(t, m.in, m.targets)
}

// findPods writes the pods of an installation into a file for Prometheus.
func findPods(t *testing.T, in *installation, file string) {
	t.Helper()
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	groups := []group{{Targets: []string{}, Labels: map[string]string{"namespace": "caseharden"}}}
	for _, pod := range in.runner.Pods() {
		groups[0].Targets = append(groups[0].Targets, pod.MetricsAddr)
	}
	data, err := json.Marshal(groups)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask returns what a query returns now.
func (m *monitor) ask(ctx context.Context, query string) (model.Vector, error) {
	value, warnings, err := m.api.Query(ctx, query, time.Now())
	if err != nil {
		return nil, err
	}
	if len(warnings) > 0 {
		return nil, fmt.Errorf("there are warnings: %v", warnings)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("it is a %s", value.Type())
	}
	return vector, nil
}

// waitFor waits until a query returns something, and returns it. Before it asks it does
// something, each time.
func (m *monitor) waitFor(t *testing.T, query string, before ...func()) (found model.Vector) {
	t.Helper()
	bedtest.Within(t, soon, query, func() error {
		for _, do := range before {
			do()
		}
		var err error
		if found, err = m.ask(t.Context(), query); err == nil && len(found) == 0 {
			err = errors.New("it returns nothing")
		}
		return err
	})
	return found
}

// firing returns the alerts that fire, by name.
func (m *monitor) firing(t *testing.T) map[string]string {
	t.Helper()
	alerts, err := m.api.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	firing := map[string]string{}
	for _, a := range alerts.Alerts {
		if a.State == prometheusv1.AlertStateFiring {
			firing[string(a.Labels["alertname"])] = string(a.Annotations["description"])
		}
	}
	return firing
}

// A real Prometheus scrapes the pods and the API server while pods are created, while none
// can be, and while they are let through as they are. The alerts that wait for nothing fire
// then, and not before; and each query of the dashboard returns something. (When each alert
// fires is in alerts.yaml.)
func TestMonitoring(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t)
	for name, labels := range map[string]map[string]string{
		"shop":  {"caseharden.io/enforce": "hardened"},
		"stall": {"caseharden.io/enforce": "restricted", "caseharden.io/warn": "hardened", "caseharden.io/audit": "hardened"},
	} {
		in.namespace(t, name, labels)
	}
	in.waitInjected(t, "shop", "hardened")
	in.waitInjected(t, "stall", "restricted")
	m := newMonitor(t, in)
	for _, pod := range in.runner.Pods() {
		promtool(t, scrape(t, pod.MetricsAddr), "check", "metrics")
	}

	m.waitFor(t, `sum(caseharden_ready) == 2`)

	shop, stall := in.startLoad(t, "shop"), in.startLoad(t, "stall")
	shop.goOn(t)
	stall.goOn(t)
	in.createSkipped(t, "shop")
	m.waitFor(t, `sum(caseharden:requests:rate5m) > 0`)
	m.waitFor(t, `sum(increase(caseharden_decisions_total{outcome="skip", reason="runs-as-root"}[1m])) > 0`)
	m.waitFor(t, `caseharden:wait_seconds:p99_5m{name="enforce-hardened.caseharden.io"} >= 0`)
	if firing := m.firing(t); len(firing) > 0 {
		t.Errorf("while all is well there are alerts: %v", firing)
	}
	shop.finish(t)
	stall.finish(t)

	// What is counted first is not new to a Prometheus that is: so there is more than one.
	stop(t, in)
	m.waitFor(t, `ALERTS{alertname="CasehardenRefusingPods", alertstate="firing", name="enforce-hardened.caseharden.io"}`, func() {
		if _, err := in.createPod(t.Context(), "shop"); err == nil {
			t.Error("without a webhook a pod is created")
		}
	})
	m.waitFor(t, `ALERTS{alertname="CasehardenDown", alertstate="pending"}`)
	if firing := m.firing(t); firing["CasehardenFailingOpen"] != "" {
		t.Errorf("pods are refused, and yet: %v", firing)
	}

	in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--set=shutdownDelaySeconds=2,webhook.failurePolicy=Ignore")
	bedtest.Within(t, soon, "a pod to be let through", func() error {
		_, err := in.createPod(t.Context(), "shop")
		return err
	})
	m.waitFor(t, `ALERTS{alertname="CasehardenFailingOpen", alertstate="firing", name="enforce-hardened.caseharden.io"}`, func() {
		if _, err := in.createPod(t.Context(), "shop"); err != nil {
			t.Error(err)
		}
	})

	in.settle(t)
	m.findPods(t)
	shop = in.startLoad(t, "shop")
	shop.goOn(t)
	m.waitFor(t, `sum(caseharden_ready) == 2`)
	m.checkDashboard(t)
	shop.stop()
}

// stop ends all pods, as if their nodes were gone.
func stop(t *testing.T, in *installation) {
	t.Helper()
	if err := in.runner.Stop(); err != nil {
		t.Fatal(err)
	}
}

// scrape returns what a pod says of itself.
func scrape(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// createSkipped creates a pod that runs as root, and one that has all that there is.
func (in *installation) createSkipped(t *testing.T, namespace string) {
	t.Helper()
	for _, pod := range []string{
		`{name: app, image: app, securityContext: {runAsUser: 0}}`,
		`{name: app, image: app, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}}`,
	} {
		manifest := "{apiVersion: v1, kind: Pod, metadata: {generateName: pod-}, spec: {containers: [" + pod + "]}}"
		if _, stderr, err := in.kubectl(t, manifest, "create", "--namespace="+namespace, "-f", "-"); err != nil {
			t.Fatalf("%v: %s", err, stderr)
		}
	}
}

// checkDashboard asks everything that the dashboard asks.
func (m *monitor) checkDashboard(t *testing.T) {
	t.Helper()
	queries := dashboardQueries(t)
	if len(queries) < 20 {
		t.Errorf("the dashboard has only %d queries", len(queries))
	}
	for _, q := range queries {
		for _, mode := range []string{"enforce", "warn", "audit"} {
			query := strings.NewReplacer("$cluster", ".*", "$mode", mode, "$profile", ".+", "$namespace", ".+", "$__range", "10m", "$__rate_interval", "1m").Replace(q.expr)
			if strings.Contains(query, "$") {
				t.Errorf("%s: a variable is unknown here: %s", q.panel, query)
			}
			if mode != "enforce" && (!strings.Contains(q.expr, "$mode") || strings.Contains(query, `outcome="skip"`)) {
				continue // not of a mode; or skipped, which pods of the mode enforce are for
			}
			for _, sample := range m.waitFor(t, query) {
				if math.IsNaN(float64(sample.Value)) {
					t.Errorf("%s, in mode %s: no number is shown by\n%s", q.panel, mode, query)
				}
			}
		}
	}
}

type dashboardQuery struct{ panel, expr string }

// dashboardQueries returns those of files/dashboard.json.
func dashboardQueries(t *testing.T) []dashboardQuery {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(chartDir(), "files", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := yaml.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	var queries []dashboardQuery
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries = append(queries, dashboardQuery{p.Title, target.Expr})
		}
	}
	return queries
}
