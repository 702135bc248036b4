// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// What is compared.
const (
	None              = "none"               // nothing: what the others add to
	Limit             = "limit"              // a webhook that gives the answers of Caseharden as constants
	Caseharden        = "caseharden"         // the product, with the configuration that is shipped
	ControllerRuntime = "controller-runtime" // the same in controller-runtime
	Policy            = "policy"             // the same in CEL: the fastest MutatingAdmissionPolicy
)

// A Result is what Run has measured. All times are in milliseconds.
type Result struct {
	Kubernetes string    `json:"kubernetes"` // version of the API server
	PodBytes   int       `json:"podBytes"`   // size of the pod, as the API server sends it on
	Rounds     int       `json:"rounds"`
	Clients    []Clients `json:"clients"`
}

// Clients is what was measured with a number of clients at a time.
type Clients struct {
	Clients    int           `json:"clients"`
	Creates    int           `json:"creates"` // of each contender in each round
	Contenders []Measurement `json:"contenders"`
	Ratios     []Ratio       `json:"ratios"`
}

// A Measurement is that of a contender. Each value is of one round, and the spread over
// the rounds; what is added is the difference to that of None in the same round.
type Measurement struct {
	Name string `json:"name"`

	// Latency of a create, as the client sees it: median and 99th percentile of a round.
	P50      stats.Spread `json:"p50Milliseconds"`
	P99      stats.Spread `json:"p99Milliseconds"`
	AddedP50 stats.Spread `json:"addedP50Milliseconds"`
	AddedP99 stats.Spread `json:"addedP99Milliseconds"`

	// Processor time per create.
	APIServerCPU      stats.Spread `json:"apiServerCPUMilliseconds"`
	AddedAPIServerCPU stats.Spread `json:"addedAPIServerCPUMilliseconds"`
	WebhookCPU        stats.Spread `json:"webhookCPUMilliseconds"`
}

// A Ratio compares what two contenders add to the median latency, within a round.
type Ratio struct {
	Of    string       `json:"of"`
	To    string       `json:"to"`
	Added stats.Spread `json:"addedRatio"`
}

// Write prints the result as a table.
func (r Result) Write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "Kubernetes %s, a pod of %d bytes, medians over %d rounds (quartiles), in milliseconds a create\n",
		r.Kubernetes, r.PodBytes, r.Rounds)
	for _, c := range r.Clients {
		fmt.Fprintf(table, "\n%d at a time, %d creates a round\tp50\tp99\tp50 added\tp99 added\tAPI server CPU\tadded\twebhook CPU\t\n", c.Clients, c.Creates)
		for _, m := range c.Contenders {
			fmt.Fprintf(table, "%s\t%.2f\t%.2f\t%s\t%.2f\t%.2f\t%s\t%.3f\t\n", m.Name,
				m.P50.Median, m.P99.Median, m.AddedP50, m.AddedP99.Median, m.APIServerCPU.Median, m.AddedAPIServerCPU, m.WebhookCPU.Median)
		}
		for _, ratio := range c.Ratios {
			fmt.Fprintf(table, "%s / %s, of what is added\t%s\t\n", ratio.Of, ratio.To, ratio.Added)
		}
	}
	return table.Flush()
}
