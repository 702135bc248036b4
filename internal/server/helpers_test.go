// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/internal/reviewtest"
)

const barePod = reviewtest.BarePod

var (
	create           = reviewtest.Create
	updateEphemeral  = reviewtest.UpdateEphemeral
	createDeployment = reviewtest.CreateDeployment
	marshalReview    = reviewtest.Marshal
)

// webhook is a handler with what it reports to. Its profiles are the built-in ones and
// those of the tests of package mutate.
type webhook struct {
	*Handler
	registry *prometheus.Registry
	log      *bytes.Buffer
}

func newWebhook(t testing.TB) *webhook {
	t.Helper()
	profiles := reviewtest.Profiles(t, "../../mutate/testdata/profiles.yaml")
	w := &webhook{registry: prometheus.NewPedanticRegistry(), log: &bytes.Buffer{}}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Handler = NewHandler(profiles, NewMetrics(w.registry, profiles, 3), logger)
	return w
}

// mustHoldNothing demands that all memory that was set aside has been given back.
func (w *webhook) mustHoldNothing(t testing.TB) {
	t.Helper()
	l := w.limiter
	if !l.held.TryAcquire(heldBytes) || !l.small.TryAcquire(smallBytes) || !l.large.TryAcquire(1) {
		t.Fatal("memory is still held")
	}
	l.held.Release(heldBytes)
	l.small.Release(smallBytes)
	l.large.Release(1)
}

// post sends a body as an API server does.
func (w *webhook) post(path string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, body)
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	return recorder
}

// review sends a request in the mode and for the profile of the path, and demands a
// well-formed answer.
func (w *webhook) review(t testing.TB, path string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	recorder := w.post(path, bytes.NewReader(marshalReview(t, request)))
	if recorder.Code != http.StatusOK {
		t.Fatalf("POST %s: %d %s", path, recorder.Code, recorder.Body)
	}
	return reviewtest.Unmarshal(t, recorder.Body.Bytes(), request)
}

// series returns the value of a metric's series, written as in the text format.
func (w *webhook) series(t testing.TB, name string, labels string) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.Metric {
			var pairs []string
			for _, label := range metric.Label {
				pairs = append(pairs, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			if strings.Join(pairs, ",") != labels {
				continue
			}
			return metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("there is no series %s{%s}", name, labels)
	return 0
}
