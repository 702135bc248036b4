// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
	"github.com/caseharden/caseharden/e2e/bench/direct"
)

// What Caseharden is to hold.
const (
	mostOfLimitTypical = 1.3 // CPU of a review, by that of the limit
	mostOfLimit        = 1.5 // the same, for every other kind
	leastLess          = 7   // CPU of controller-runtime, by its own
	mostOfConstant     = 1.1 // what it adds to a create, by what the same patch as a constant adds
	mostOfPolicy       = 0.5 // the same, by what the policy adds
	mostGrowth         = 1.3 // CPU for each byte or container of a ten times larger review
	mostStart          = 300 // milliseconds
	mostIdle           = 40  // MiB
)

// A Target is something that Caseharden is to hold, and what was measured.
type Target struct {
	Name  string
	Bound string
	Value float64
	Unit  string
	Met   bool
}

// Verdict is for tables.
func (t Target) Verdict() string {
	if t.Met {
		return "met"
	}
	return "missed"
}

// Targets returns those for which something was measured. They are of medians.
func (r *Report) Targets() []Target {
	var all []Target
	most := func(value, bound float64, unit, name string, args ...any) {
		all = append(all, Target{fmt.Sprintf(name, args...), fmt.Sprintf("at most %v%s", bound, unit), value, unit, value <= bound})
	}
	least := func(value, bound float64, unit, name string, args ...any) {
		all = append(all, Target{fmt.Sprintf(name, args...), fmt.Sprintf("at least %v%s", bound, unit), value, unit, value >= bound})
	}
	if r.Direct != nil {
		for _, k := range r.Direct.Kinds {
			bound := mostOfLimit
			if k.Name == "typical" {
				bound = mostOfLimitTypical
			}
			most(k.Server(direct.Caseharden).ToLimit.Median, bound, " ×", "CPU by that of the limit: %s", k.Name)
		}
		for _, k := range r.Direct.Kinds {
			least(k.Server(direct.ControllerRuntime).ToCaseharden.Median, leastLess, " ×", "CPU of controller-runtime by that of Caseharden: %s", k.Name)
		}
		if small, large := r.kind("100 kB"), r.kind("1 MiB"); small != nil && large != nil {
			growth := cpu(large) / float64(large.Bytes) / (cpu(small) / float64(small.Bytes))
			most(growth, mostGrowth, " ×", "CPU for each byte: of 1 MiB by that of 100 kB")
		}
		if few, many := r.kind("30 containers"), r.kind("300 containers"); few != nil && many != nil {
			growth := cpu(many) / float64(many.Containers) / (cpu(few) / float64(few.Containers))
			most(growth, mostGrowth, " ×", "CPU for each container: of 300 by that of 30")
		}
		for _, idle := range r.Direct.Idle {
			if idle.Name == direct.Caseharden {
				most(idle.Start.Median, mostStart, " ms", "start")
				most(idle.Memory.Median, mostIdle, " MiB", "memory when idle")
			}
		}
	}
	if r.APIServer != nil {
		for _, c := range r.APIServer.Clients {
			for _, ratio := range c.Ratios {
				if ratio.Of != apiserver.Caseharden {
					continue
				}
				switch ratio.To {
				case apiserver.Limit:
					most(ratio.Added.Median, mostOfConstant, " ×", "latency added, by that of the same patch as a constant: %s", clients(c.Clients))
				case apiserver.Policy:
					most(ratio.Added.Median, mostOfPolicy, " ×", "latency added, by that of the policy: %s", clients(c.Clients))
				}
			}
		}
	}
	return all
}

// cpu is that of Caseharden.
func cpu(k *direct.Kind) float64 { return k.Server(direct.Caseharden).CPU.Median }

func clients(n int) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}

func rounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}
