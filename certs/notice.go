// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A notice logs a problem once, however long the problem lasts, and logs once that it is
// over. It is safe for concurrent use.
type notice struct {
	logger      *slog.Logger
	wrong, over string             // the two messages
	errors      prometheus.Counter // of the problems that are logged; may be nil
	patience    time.Duration      // how long a problem must last before it is logged

	mu         sync.Mutex // guards the following
	seen, said string     // the latest problem, and the one that was logged last; empty for none
	since      time.Time  // of seen
}

// set notes the problem that there is now, or with "" that there is none. Only another
// problem is logged again. The attributes are those of the problem.
func (n *notice) set(problem string, attributes ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if problem != n.seen {
		n.seen, n.since = problem, time.Now()
	}
	if problem == n.said || problem != "" && time.Since(n.since) < n.patience {
		return
	}
	n.said = problem
	if problem == "" {
		n.logger.Info(n.over)
		return
	}
	if n.errors != nil {
		n.errors.Inc()
	}
	n.logger.Warn(n.wrong, attributes...)
}

// newNotices returns a notice for each of the steps, which are counted in the metrics.
func newNotices(logger *slog.Logger, metrics *Metrics, steps []step) map[step]*notice {
	notices := map[step]*notice{}
	for _, s := range steps {
		notices[s] = &notice{
			logger: logger.With("step", s),
			wrong:  "certificate reconciliation failed; continuing with the current certificate",
			over:   "certificate reconciliation recovered",
			errors: metrics.errors.WithLabelValues(string(s)),
		}
	}
	return notices
}
