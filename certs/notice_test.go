// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestNotice(t *testing.T) {
	type moment struct {
		problem string
		lasts   time.Duration // until the next moment, and set again then
	}
	for name, tt := range map[string]struct {
		patience time.Duration
		moments  []moment
		want     []string // lines of the log
	}{
		"all is well":                  {0, []moment{{"", 0}, {"", time.Hour}}, nil},
		"a problem, once":              {0, []moment{{"a", 0}, {"a", time.Hour}}, []string{"WARN wrong a"}},
		"a problem that ends":          {0, []moment{{"a", 0}, {"", 0}, {"", time.Hour}}, []string{"WARN wrong a", "INFO over"}},
		"a problem that comes again":   {0, []moment{{"a", 0}, {"", 0}, {"a", 0}}, []string{"WARN wrong a", "INFO over", "WARN wrong a"}},
		"one problem after another":    {0, []moment{{"a", 0}, {"b", 0}, {"", 0}}, []string{"WARN wrong a", "WARN wrong b", "INFO over"}},
		"it ends within the patience":  {time.Second, []moment{{"a", time.Second - 1}, {"", time.Hour}}, nil},
		"it lasts for the patience":    {time.Second, []moment{{"a", time.Second}, {"", 0}}, []string{"WARN wrong a", "INFO over"}},
		"each has its own patience":    {time.Second, []moment{{"a", time.Second - 1}, {"b", time.Second - 1}, {"b", 1}}, []string{"WARN wrong b"}},
		"another for a moment":         {time.Second, []moment{{"a", time.Second}, {"b", time.Second / 2}, {"a", time.Hour}}, []string{"WARN wrong a"}},
		"well for less than a second":  {time.Second, []moment{{"a", time.Second}, {"", 0}, {"a", time.Second}}, []string{"WARN wrong a", "INFO over", "WARN wrong a"}},
		"nothing to end after it came": {time.Second, []moment{{"a", 0}, {"", 0}, {"a", 0}, {"", 0}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				handler := slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				}})
				n := &notice{logger: slog.New(handler), wrong: "wrong", over: "over", patience: tt.patience,
					errors: prometheus.NewCounter(prometheus.CounterOpts{Name: "errors_total"})}
				for _, m := range tt.moments {
					n.set(m.problem, "problem", m.problem)
					time.Sleep(m.lasts)
					n.set(m.problem, "problem", m.problem)
				}
				var got []string
				for line := range strings.Lines(log.String()) {
					line = strings.NewReplacer("level=", "", "msg=", "", "problem=", "").Replace(strings.TrimSpace(line))
					got = append(got, line)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
				if want := strings.Count(log.String(), "WARN"); int(testutil.ToFloat64(n.errors)) != want {
					t.Errorf("%v errors are counted, want %d", testutil.ToFloat64(n.errors), want)
				}
			})
		})
	}
}
