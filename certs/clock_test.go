// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Every answer tells the time, whatever else it says: here, that there is no such object.
func TestClockOfTheAPIServer(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"the same": 0, "ahead": year, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
				w.WriteHeader(http.StatusNotFound)
			}))
			defer server.Close()
			kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
			text := "{current-context: c, contexts: [{name: c, context: {cluster: c}}], clusters: [{name: c, cluster: {server: '" + server.URL + "'}}]}"
			if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			api, err := NewAPI(kubeconfig, types.NamespacedName{Namespace: "a", Name: "b"}, "c")
			if err != nil {
				t.Fatal(err)
			}
			for what, ask := range map[string]func() error{
				"the Secret":        func() error { _, err := api.GetSecret(t.Context()); return err },
				"the configuration": func() error { _, err := api.GetConfiguration(t.Context()); return err },
			} {
				if err := ask(); err == nil {
					t.Errorf("%s is there", what)
				}
				if got := api.Ahead(); (got - ahead).Abs() > 2*time.Second {
					t.Errorf("after asking for %s: ahead by %s, want %s", what, got, ahead)
				}
			}
		})
	}
}

func TestClockCompare(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const before = 5 * time.Hour
	for name, tt := range map[string]struct {
		took time.Duration
		date string
		want time.Duration
	}{
		"the same":                       {0, "Sun, 01 Mar 2026 12:00:00 GMT", 0},
		"within the tolerance":           {0, "Sun, 01 Mar 2026 12:01:00 GMT", 0},
		"beyond the tolerance":           {0, "Sun, 01 Mar 2026 12:01:01 GMT", 61 * time.Second},
		"behind":                         {time.Second, "Sun, 01 Mar 2026 10:00:00 GMT", -2 * time.Hour},
		"no date":                        {0, "", before},
		"no date either":                 {0, "yesterday", before},
		"the machine was suspended":      {time.Hour, "Sun, 01 Mar 2026 11:00:00 GMT", before},
		"our clock was set back":         {-time.Hour, "Sun, 01 Mar 2026 13:00:00 GMT", before},
		"an answer that took some while": {10 * time.Second, "Sun, 01 Mar 2026 11:59:50 GMT", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var c clock
			c.ahead.Store(int64(before))
			c.compare(now.Add(-tt.took), now, tt.date)
			if got := c.Ahead(); got != tt.want {
				t.Errorf("ahead by %s, want %s", got, tt.want)
			}
		})
	}
}
