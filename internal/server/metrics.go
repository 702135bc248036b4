// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// Other is the value of a label for what is outside its closed set: a namespace
// beyond the cap, or a path that names no mode.
const Other = "_other"

// Metrics counts what the handler does. Every label value comes from a closed
// set, and every series that can occur is there at zero from the start, but for
// namespaces, which nobody knows before: a namespace's series start together.
type Metrics struct {
	decisions *prometheus.CounterVec
	known     map[decisionSeries]prometheus.Counter // of decisions; a lookup takes a third of what WithLabelValues does
	pods      *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	panics    prometheus.Counter

	maxNamespaces int

	mu         sync.Mutex      // guards the following
	namespaces map[string]bool // those that have a label value of their own
}

// A decisionSeries has the labels of caseharden_decisions_total.
type decisionSeries struct {
	mode           mutate.Mode
	profile, field string
	defaults.Result
}

// NewMetrics makes the metrics for the profiles and registers them.
func NewMetrics(registerer prometheus.Registerer, profiles []*defaults.Profile, maxNamespaces int) *Metrics {
	m := &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseharden_decisions_total",
			Help: "Decisions on a default of a profile, in a container or at pod level. In the modes warn and audit inject means: would be.",
		}, []string{"mode", "profile", "field", "outcome", "reason"}),
		known: map[decisionSeries]prometheus.Counter{},
		pods: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseharden_pods_total",
			Help: "Reviews of a new pod, by whether something was filled in; in the modes warn and audit: would be.",
		}, []string{"mode", "profile", "namespace", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "caseharden_request_duration_seconds",
			Help:    "Time from the header of a request to its answer, by HTTP status code.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"mode", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "caseharden_requests_in_flight",
			Help: "Requests being answered.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "caseharden_panics_total",
			Help: "Panics while answering a request; each was answered with status 500.",
		}),
		maxNamespaces: maxNamespaces,
		namespaces:    map[string]bool{},
	}
	registerer.MustRegister(m.decisions, m.pods, m.duration, m.inFlight, m.panics)
	for _, mode := range mutate.Modes() {
		for _, p := range profiles {
			for field, results := range p.Results() {
				for _, v := range results {
					series := decisionSeries{mode, p.Name, field, v}
					m.known[series] = m.decision(series)
				}
			}
			m.podSeries(mode, p.Name, Other)
		}
		for _, code := range statusCodes {
			m.duration.WithLabelValues(string(mode), strconv.Itoa(code))
		}
	}
	m.duration.WithLabelValues(Other, strconv.Itoa(http.StatusNotFound))
	return m
}

// statusCodes are the codes that a request for a mode can be answered with.
var statusCodes = []int{
	http.StatusOK,
	http.StatusBadRequest,
	http.StatusNotFound,
	http.StatusMethodNotAllowed,
	http.StatusRequestTimeout,
	http.StatusRequestEntityTooLarge,
	http.StatusUnsupportedMediaType,
	http.StatusTooManyRequests,
	http.StatusInternalServerError,
}

func (m *Metrics) decision(s decisionSeries) prometheus.Counter {
	return m.decisions.WithLabelValues(string(s.mode), s.profile, s.field, string(s.Outcome), string(s.Reason))
}

// podSeries returns the two series of a namespace. They start together, so that
// a share of patched pods can be computed from the first one on.
func (m *Metrics) podSeries(mode mutate.Mode, profile, namespace string) (patched, unchanged prometheus.Counter) {
	return m.pods.WithLabelValues(string(mode), profile, namespace, "patched"),
		m.pods.WithLabelValues(string(mode), profile, namespace, "unchanged")
}

// answered counts a request.
func (m *Metrics) answered(mode mutate.Mode, code int, took time.Duration) {
	if !slices.Contains(mutate.Modes(), mode) {
		mode = Other
	}
	m.duration.WithLabelValues(string(mode), strconv.Itoa(code)).Observe(took.Seconds())
}

// reviewed counts the decisions of a review, and its pod if it is a new one. Decisions on
// a template are counted when its pods are created, and not twice.
func (m *Metrics) reviewed(profile string, review *mutate.Review, decisions []defaults.Decision) {
	if review.IsTemplate() {
		return
	}
	injects := false
	for _, d := range decisions {
		series := decisionSeries{review.Mode, profile, d.Field.Name, defaults.Result{Outcome: d.Outcome, Reason: d.Reason}}
		counter, known := m.known[series]
		if !known { // which a test rules out, but no review may fail for it
			counter = m.decision(series)
		}
		counter.Inc()
		injects = injects || d.Outcome == defaults.Inject
	}
	if !review.CreatesPod() {
		return
	}
	patched, unchanged := m.podSeries(review.Mode, profile, m.namespaceLabel(review.Namespace))
	if injects {
		patched.Inc()
	} else {
		unchanged.Inc()
	}
}

// namespaceLabel returns the label value for a namespace: its name for the first
// maxNamespaces of them, then Other. What cannot be the name of a namespace is
// Other too: a label value stays in memory, whatever its length.
func (m *Metrics) namespaceLabel(namespace string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.namespaces[namespace] {
		if len(m.namespaces) >= m.maxNamespaces || len(validation.IsDNS1123Label(namespace)) > 0 {
			return Other
		}
		m.namespaces[namespace] = true
	}
	return namespace
}
