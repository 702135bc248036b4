// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// A row is a heading with the panels below it.
type row struct {
	title  string
	panels []panel
}

// A panel answers one question.
type panel struct {
	kind    kind
	title   string
	about   string // what it means, and when to worry
	unit    string
	width   uint32 // of 24
	queries []query
	levels  []level // where the colour changes; none for what is neither good nor bad
}

type kind int

const (
	figure     kind = iota // one figure for each query
	graph                  // lines
	magnitudes             // lines on a logarithmic axis, for what differs a thousandfold
	stack                  // areas that add up
	table                  // a line for each set of labels, a column for each query
)

// A query is in PromQL. Its legend is the name of a line or of a column.
type query struct{ expr, legend string }

// From a level on, a figure has its colour.
type level struct {
	from  float64
	color string
}

const (
	green, yellow, red = "green", "yellow", "red"
	day                = 24 * 60 * 60

	perSecond = "suffix: /s" // of what has no unit of its own in Grafana
)

// selected is what the variables of the dashboard pick.
const selected = inCluster + `, mode="$mode", profile=~"$profile"`

// inCluster picks clusters. Series without the label cluster are of the only one.
const inCluster = `cluster=~"$cluster"`

// countedIn is how much a counter has counted in the time that is shown, or in another.
// increase() does not see the first step of a series that begins with it; why that matters
// is in deploy/chart/files/rules.yaml. A replica is a new target, so that the whole of what
// it counts is new.
func countedIn(selector, duration string) string {
	return fmt.Sprintf("((last_over_time(%[1]s[%[2]s]) unless last_over_time(%[1]s[1d] offset %[2]s)) or increase(%[1]s[%[2]s]))", selector, duration)
}

// countedByAPIServers is the same of a target that stays, where a series that is new to
// Prometheus need not be new.
func countedByAPIServers(selector, duration string) string {
	return fmt.Sprintf("((last_over_time(%[1]s[%[2]s]) unless %[1]s offset %[2]s) and on (cluster, job, instance) up offset %[2]s == 1 or increase(%[1]s[%[2]s]))", selector, duration)
}

const (
	ofEnforce = `{` + inCluster + `, name=~"enforce-.+[.]caseharden[.]io"}`
	ofUs      = `{` + inCluster + `, name=~".+[.]caseharden[.]io"}`
	inRange   = "$__range"
	inStep    = "$__rate_interval"
)

var rows = []row{
	{"At a glance", []panel{
		{figure, "Ready replicas", "With none, pods are refused or admitted as they are, as webhook.failurePolicy has it.", units.Short, 3,
			[]query{{`sum by (cluster) (caseharden_ready{` + inCluster + `}) or (vector(0) unless on () caseharden_ready{` + inCluster + `})`, "{{cluster}}"}}, []level{{0, red}, {1, yellow}, {2, green}}},
		{figure, "Reviews a second", "By all replicas, in all modes.", units.RequestsPerSecond, 3,
			[]query{{`sum by (cluster) (caseharden:requests:rate5m{` + inCluster + `})`, "{{cluster}}"}}, nil},
		{figure, "Errors", "Of all answers, in the last five minutes. Alert from 1 %.", units.PercentUnit, 3,
			[]query{{`(sum by (cluster) (caseharden:requests:rate5m{` + inCluster + `, mode!="_other", code!="200"}) or 0 * sum by (cluster) (caseharden:requests:rate5m{` + inCluster + `})) / sum by (cluster) (caseharden:requests:rate5m{` + inCluster + `, mode!="_other"} > 0)`, "{{cluster}}"}},
			[]level{{0, green}, {.001, yellow}, {.01, red}}},
		{figure, "Waiting, 99 % of calls", "What API servers wait for an answer, at most, as a share of the timeout. Alert from half of it.", units.PercentUnit, 3,
			[]query{{`max by (cluster) (caseharden:wait_seconds:p99_5m{` + inCluster + `}) / on () group_left () caseharden:timeout_seconds`, "{{cluster}}"}}, []level{{0, green}, {.2, yellow}, {.5, red}}},
		{figure, "Certificate, time left", "Of the certificate that is served and of its CA, whichever expires first. It is renewed when a third of its life is left.", units.Seconds, 3,
			[]query{{`min by (cluster) (caseharden:certificate_left:seconds{` + inCluster + `})`, "{{cluster}}"}}, []level{{0, red}, {3 * day, yellow}, {14 * day, green}}},
		{figure, "Pods refused", "In the time shown, because the webhook could not be called and webhook.failurePolicy is Fail.", units.Short, 3,
			[]query{{"round(sum by (cluster) (" + countedByAPIServers("apiserver_admission_webhook_rejection_count"+ofEnforce, inRange) + ")) or (0 * group by (cluster) (caseharden_ready{" + inCluster + "}))", "{{cluster}}"}},
			[]level{{0, green}, {1, red}}},
		{figure, "Pods let through", "In the time shown, unhardened, because the webhook could not be called and webhook.failurePolicy is Ignore.", units.Short, 3,
			[]query{{"round(sum by (cluster) (" + countedByAPIServers("apiserver_admission_webhook_fail_open_count"+ofEnforce, inRange) + ")) or (0 * group by (cluster) (caseharden_ready{" + inCluster + "}))", "{{cluster}}"}},
			[]level{{0, green}, {1, red}}},
		{figure, "Namespaces", "With pods that were reviewed in this mode, since the replicas started.", units.Short, 3,
			[]query{{`count by (cluster) (count by (cluster, namespace) (caseharden_pods_total{` + selected + `, namespace!="_other"})) or (0 * group by (cluster) (caseharden_ready{` + inCluster + `}))`, "{{cluster}}"}}, nil},
	}},
	{"Rollout", []panel{
		{table, "Pods by namespace", "New pods in the time shown. Patched: something was filled in (in the modes warn and audit: would be). Unchanged: nothing was left to fill in, or all of it was skipped.", units.Short, 12,
			[]query{
				{`round(sum by (cluster, namespace) (` + countedIn(`caseharden_pods_total{`+selected+`, namespace=~"$namespace", result="patched"}`, inRange) + `))`, "patched"},
				{`round(sum by (cluster, namespace) (` + countedIn(`caseharden_pods_total{`+selected+`, namespace=~"$namespace", result="unchanged"}`, inRange) + `))`, "unchanged"},
			}, nil},
		{stack, "New pods", "Patched: something was filled in (in the modes warn and audit: would be).", perSecond, 12,
			[]query{{`sum by (cluster, result) (rate(caseharden_pods_total{` + selected + `, namespace=~"$namespace"}[` + inStep + `]))`, "{{cluster}} {{result}}"}}, nil},
	}},
	{"Decisions", []panel{
		{stack, "Injected, by field", "Settings that nobody had set.", perSecond, 8,
			[]query{{`sum by (cluster, field) (rate(caseharden_decisions_total{` + selected + `, outcome="inject"}[` + inStep + `]))`, "{{cluster}} {{field}}"}}, nil},
		{table, "Skipped, by field and reason", "Settings that were left out for the pod's sake, in the time shown. docs/reference.md lists the reasons.", units.Short, 8,
			[]query{{`round(sum by (cluster, field, reason) (increase(caseharden_decisions_total{` + selected + `, outcome="skip"}[` + inRange + `]))) > 0`, "skipped"}}, nil},
		{stack, "By outcome", "Leave: the author had set it.", perSecond, 8,
			[]query{{`sum by (cluster, outcome) (rate(caseharden_decisions_total{` + selected + `}[` + inStep + `]))`, "{{cluster}} {{outcome}}"}}, nil},
	}},
	{"What API servers see", []panel{
		{magnitudes, "Waiting for an answer", "99 % of the calls took no longer. With the network, and with the connection where a new one was made.", units.Seconds, 8,
			[]query{{`caseharden:wait_seconds:p99_5m{` + inCluster + `}`, "{{cluster}} {{name}}"}, {`caseharden:timeout_seconds`, "timeout"}}, nil},
		{graph, "Calls", "By entry of the webhook configuration.", units.RequestsPerSecond, 8,
			[]query{{`sum by (cluster, name) (rate(apiserver_admission_webhook_request_total` + ofUs + `[` + inStep + `]))`, "{{cluster}} {{name}}"}}, nil},
		{graph, "Calls that failed", "In ten minutes. Let through: with failurePolicy Ignore, which the modes warn and audit always have.", units.Short, 8,
			[]query{{`caseharden:refused:increase10m{` + inCluster + `}`, "{{cluster}} {{name}} refused"}, {`caseharden:failed_open:increase10m{` + inCluster + `}`, "{{cluster}} {{name}} let through"}}, nil},
	}},
	{"The replicas", []panel{
		{graph, "Time to answer", "Of 50 % and of 99 % of the requests, by the webhook's own clock.", units.Seconds, 6,
			[]query{
				{`histogram_quantile(0.5, sum by (cluster, le) (rate(caseharden_request_duration_seconds_bucket{` + inCluster + `}[` + inStep + `])))`, "{{cluster}} 50 %"},
				{`histogram_quantile(0.99, sum by (cluster, le) (rate(caseharden_request_duration_seconds_bucket{` + inCluster + `}[` + inStep + `])))`, "{{cluster}} 99 %"},
			}, nil},
		{stack, "Answers, by status code", "429: more at once than a replica can take. 404: an entry for a profile that is not loaded. 500: a bug.", units.RequestsPerSecond, 6,
			[]query{{`sum by (cluster, code) (caseharden:requests:rate5m{` + inCluster + `}) > 0`, "{{cluster}} {{code}}"}}, nil},
		{graph, "Memory", "Resident, of each replica. The chart sets a limit.", units.BytesIEC, 6,
			[]query{{`process_resident_memory_bytes and on (cluster, instance) caseharden_build_info{` + inCluster + `}`, "{{cluster}} {{instance}}"}}, nil},
		{graph, "CPU", "Cores, of each replica.", units.Short, 6,
			[]query{{`rate(process_cpu_seconds_total[` + inStep + `]) and on (cluster, instance) caseharden_build_info{` + inCluster + `}`, "{{cluster}} {{instance}}"}}, nil},
		{graph, "Certificates, time left", "By role. The CAs of former certificates (retired_ca) may expire.", units.Seconds, 8,
			[]query{{`min by (cluster, role) (caseharden_certificate_not_after_timestamp_seconds{` + inCluster + `}) - time()`, "{{cluster}} {{role}}"}}, nil},
		{graph, "Certificates, rotations and errors", "Of each step, on all replicas.", units.Short, 8,
			[]query{
				{`sum by (cluster) (increase(caseharden_certificate_rotations_total{` + inCluster + `}[` + inStep + `]))`, "{{cluster}} rotations"},
				{`sum by (cluster, step) (increase(caseharden_certificate_errors_total{` + inCluster + `}[` + inStep + `]))`, "{{cluster}} {{step}}"},
			}, nil},
		{table, "Running", "The version of each replica, and whether it is ready.", units.Short, 8,
			[]query{{`caseharden_ready{` + inCluster + `} * on (cluster, instance) group_left (version) caseharden_build_info`, "ready"}}, nil},
	}},
}
