// SPDX-License-Identifier: Apache-2.0

package direct

import "github.com/caseharden/caseharden/e2e/bench/stats"

// What is compared.
const (
	Limit             = "limit"              // a webhook that gives the answers of Caseharden as constants
	Caseharden        = "caseharden"         // the product
	ControllerRuntime = "controller-runtime" // the same in controller-runtime
)

// A Result is what Run has measured: each value is of one round, and the spread over the
// rounds.
type Result struct {
	Clients int    `json:"clients"` // that send one review after the other
	Rounds  int    `json:"rounds"`
	Kinds   []Kind `json:"kinds"`
	Idle    []Idle `json:"idle"`
}

// A Kind is what was measured with one kind of review.
type Kind struct {
	Name       string   `json:"name"`
	Bytes      int      `json:"bytes"`                // of a review, on average
	Containers int      `json:"containers,omitempty"` // of a pod, where all have as many
	Servers    []Server `json:"servers"`
}

// A Server is what one server did with one kind of review.
type Server struct {
	Name       string       `json:"name"`
	CPU        stats.Spread `json:"cpuMicroseconds"` // of the server, for each review
	Throughput stats.Spread `json:"reviewsPerSecond"`
	P50        stats.Spread `json:"p50Milliseconds"`
	P99        stats.Spread `json:"p99Milliseconds"`

	// Its CPU by that of another in the same round.
	ToLimit      stats.Spread `json:"cpuRatioToLimit"`
	ToCaseharden stats.Spread `json:"cpuRatioToCaseharden"`

	// Peak is the most that was resident in a process that has had no other reviews.
	Peak stats.Spread `json:"peakMiB"`
}

// Idle is a server that has just been started.
type Idle struct {
	Name   string       `json:"name"`
	Start  stats.Spread `json:"startMilliseconds"` // until it takes a connection
	Memory stats.Spread `json:"residentMiB"`
}

// Server returns what the server of that name did with the kind; nil if it was not there.
func (k *Kind) Server(name string) *Server {
	for i := range k.Servers {
		if k.Servers[i].Name == name {
			return &k.Servers[i]
		}
	}
	return nil
}
