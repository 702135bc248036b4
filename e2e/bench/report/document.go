// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
	"github.com/caseharden/caseharden/e2e/bench/direct"
)

// names are how the documentation calls what is compared.
var names = map[string]string{
	direct.Limit:             "limit",
	direct.Caseharden:        "Caseharden",
	direct.ControllerRuntime: "controller-runtime",
	apiserver.None:           "no admission",
	apiserver.Policy:         "policy in CEL",
}

func nameOf(contender string) string { return cmp.Or(names[contender], contender) }

// Parts returns the generated parts of docs/performance.md, by name. The report must be
// a complete one.
func (r *Report) Parts() map[string]string {
	return map[string]string{
		"setup":     r.setupPart(),
		"reviews":   r.reviewsPart(),
		"servers":   r.serversPart(),
		"creates":   r.createsPart(),
		"targets":   r.targetsPart(),
		"5000-pods": r.podsPart(),
	}
}

func (r *Report) setupPart() string {
	return markdown(
		[]string{"measured", ""},
		[]string{"on", r.Date.Format("2 January 2006")},
		[]string{"with", fmt.Sprintf("%d cores, %s, %s/%s", r.Machine.Cores, r.Machine.CPU, r.Machine.OS, r.Machine.Arch)},
		[]string{"rounds", fmt.Sprintf("%d directly, %d through the API server", r.Direct.Rounds, r.APIServer.Rounds)},
		[]string{"Go", strings.TrimPrefix(r.Versions.Go, "go")},
		[]string{"Caseharden", "commit " + r.Versions.Caseharden},
		[]string{"Kubernetes", strings.TrimPrefix(r.Versions.Kubernetes, "v")},
		[]string{"controller-runtime", strings.TrimPrefix(r.Versions.ControllerRuntime, "v")},
	)
}

func (r *Report) reviewsPart() string {
	rows := [][]string{{"review", "bytes", "limit, µs", "Caseharden, µs", "× limit", "controller-runtime, µs", "× Caseharden"}}
	for _, k := range r.Direct.Kinds {
		own, other := k.Server(direct.Caseharden), k.Server(direct.ControllerRuntime)
		rows = append(rows, []string{k.Name, fmt.Sprint(k.Bytes), figure(k.Server(direct.Limit).CPU.Median), figure(own.CPU.Median),
			quartiles(own.ToLimit), figure(other.CPU.Median), quartiles(other.ToCaseharden)})
	}
	return markdown(rows...)
}

func (r *Report) serversPart() string {
	rows := [][]string{{"server", "typical reviews a second", "p50, ms", "p99, ms", "start, ms", "idle, MiB", "peak, typical, MiB", "peak, 1 MiB, MiB"}}
	typical, large := r.kind("typical"), r.kind("1 MiB")
	for _, idle := range r.Direct.Idle {
		s := typical.Server(idle.Name)
		rows = append(rows, []string{nameOf(idle.Name), figure(s.Throughput.Median), figure(s.P50.Median), figure(s.P99.Median),
			figure(idle.Start.Median), figure(idle.Memory.Median), figure(s.Peak.Median), figure(large.Server(idle.Name).Peak.Median)})
	}
	return markdown(rows...)
}

func (r *Report) createsPart() string {
	rows := [][]string{{"", "contender", "p50 added", "p99 added", "CPU of the API server added", "CPU of the webhook"}}
	for _, c := range r.APIServer.Clients {
		for _, m := range c.Contenders {
			if m.Name == apiserver.None {
				continue
			}
			webhook := ""
			if m.WebhookCPU.Median > 0 {
				webhook = figure(m.WebhookCPU.Median)
			}
			rows = append(rows, []string{clients(c.Clients), nameOf(m.Name),
				quartiles(m.AddedP50), quartiles(m.AddedP99), quartiles(m.AddedAPIServerCPU), webhook})
		}
	}
	return markdown(rows...)
}

func (r *Report) targetsPart() string {
	rows := [][]string{{"target", "bound", "measured", ""}}
	for _, t := range r.Targets() {
		verdict := t.Verdict()
		if !t.Met {
			verdict = "**" + verdict + "**"
		}
		rows = append(rows, []string{t.Name, t.Bound, figure(t.Value) + t.Unit, verdict})
	}
	return markdown(rows...)
}

// podsPart says what a cluster of 5,000 pods asks for. The reviews a second are those of
// docs/operations.md, with three labels on every namespace; the CPU is that of a review
// which comes alone, through an API server: more than under load, and what clusters have.
func (r *Report) podsPart() string {
	var alone float64 // milliseconds
	for _, m := range r.APIServer.Clients[0].Contenders {
		if m.Name == apiserver.Caseharden {
			alone = m.WebhookCPU.Median
		}
	}
	header := []string{"5,000 pods", "reviews a second, at most", "share of a core"}
	rows := [][]string{header}
	for _, load := range []struct {
		name      string
		perSecond float64
	}{
		{"each pod is replaced once a day", 0.2},
		{"1,000 CronJobs, every five minutes", 10},
		{"all nodes are replaced within an hour", 4.2},
		{"four controllers create pods as fast as they may", 240},
	} {
		rows = append(rows, []string{load.name, fmt.Sprint(load.perSecond), fmt.Sprintf("%.2g %%", load.perSecond*alone/1e3*100)})
	}
	return markdown(rows...)
}

// markdown returns a table, of which the first row is the header.
func markdown(rows ...[]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}
