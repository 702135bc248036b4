// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// Write prints the report for a terminal.
func (r *Report) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s/%s, %d cores of %s, %s\n", r.Date.Format("2006-01-02 15:04 MST"), r.Machine.OS, r.Machine.Arch,
		r.Machine.Cores, r.Machine.CPU, r.Versions.Go)
	fmt.Fprintf(w, "caseharden %s, controller-runtime %s\n", r.Versions.Caseharden, r.Versions.ControllerRuntime)
	if r.Direct != nil {
		if err := r.writeDirect(w); err != nil {
			return err
		}
	}
	if r.APIServer != nil {
		fmt.Fprint(w, "\nThe creation of a pod through an API server: what each adds to no admission\n")
		if err := r.APIServer.Write(w); err != nil {
			return err
		}
	}
	targets := r.Targets()
	if len(targets) == 0 {
		return nil
	}
	fmt.Fprint(w, "\nTargets\n\n")
	table := newTable(w)
	for _, t := range targets {
		table.row(t.Name, t.Bound, figure(t.Value)+t.Unit, t.Verdict())
	}
	return table.Flush()
}

func (r *Report) writeDirect(w io.Writer) error {
	fmt.Fprintf(w, "\nReviews straight over TLS and HTTP/2: %s, medians over %s (quartiles)\n\n", clients(r.Direct.Clients), rounds(r.Direct.Rounds))
	table := newTable(w)
	table.row("review", "server", "CPU µs", "× limit", "reviews/s", "p50 ms", "p99 ms", "peak MiB")
	for _, k := range r.Direct.Kinds {
		name := fmt.Sprintf("%s, %d bytes", k.Name, k.Bytes)
		for _, s := range k.Servers {
			table.row(name, s.Name, quartiles(s.CPU), quartiles(s.ToLimit), figure(s.Throughput.Median),
				figure(s.P50.Median), figure(s.P99.Median), figure(s.Peak.Median))
			name = ""
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.kind("corpus") == nil {
		fmt.Fprint(w, "\nReviews of real pods are left out: make bench CORPUS=pods.jsonl.gz takes them too (see the README).\n")
	}
	fmt.Fprintln(w)
	table = newTable(w)
	table.row("server", "start ms", "idle MiB")
	for _, idle := range r.Direct.Idle {
		table.row(idle.Name, quartiles(idle.Start), quartiles(idle.Memory))
	}
	return table.Flush()
}

func quartiles(s stats.Spread) string {
	return fmt.Sprintf("%s (%s–%s)", figure(s.Median), figure(s.LowerQuartile), figure(s.UpperQuartile))
}

type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) row(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
