// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"bytes"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
)

// families are metrics by name.
type families map[string]*dto.MetricFamily

// replicas returns the pods of Caseharden.
func replicas(t *testing.T) []corev1.Pod {
	t.Helper()
	pods, err := c.Client().CoreV1().Pods(release.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=caseharden"})
	if err != nil {
		t.Fatal(err)
	}
	return pods.Items
}

// replicaMetrics returns what each replica says of itself, as Prometheus would scrape it.
func replicaMetrics(t *testing.T) []families {
	t.Helper()
	var all []families
	for _, pod := range replicas(t) {
		text, err := c.Client().CoreV1().Pods(release.Namespace).ProxyGet("http", pod.Name, "8080", "/metrics", nil).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, text))
	}
	return all
}

// apiServerMetrics returns those of the API server.
func apiServerMetrics(t *testing.T) families {
	t.Helper()
	text, err := c.Client().CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func parse(t *testing.T, text []byte) families {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// value returns the sum of all series of a counter or gauge that have these labels.
func (f families) value(name string, labels map[string]string) float64 {
	sum := 0.0
	for _, m := range f[name].GetMetric() {
		if has(m, labels) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// counts returns how many observations of a histogram were at most as large as each bound,
// and how many there were, by all series that have these labels.
func (f families) counts(name string, labels map[string]string) (atMost map[float64]uint64, all uint64) {
	atMost = map[float64]uint64{}
	for _, m := range f[name].GetMetric() {
		if !has(m, labels) {
			continue
		}
		for _, b := range m.GetHistogram().GetBucket() {
			atMost[b.GetUpperBound()] += b.GetCumulativeCount()
		}
		all += m.GetHistogram().GetSampleCount()
	}
	return atMost, all
}

func has(m *dto.Metric, labels map[string]string) bool {
	found := 0
	for _, l := range m.GetLabel() {
		if value, wanted := labels[l.GetName()]; wanted {
			if value != l.GetValue() {
				return false
			}
			found++
		}
	}
	return found == len(labels)
}
