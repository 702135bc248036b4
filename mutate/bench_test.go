// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
)

// typicalReview is what an API server sent for a pod of a Deployment with one
// container, managed fields included.
const typicalReview = "../e2e/bench/reviews/typical.json"

// benchmarkReviews are the reviews that are measured, by name: a typical pod, with its
// container several times over, with many environment variables, with nothing left to fill
// in; and with a large annotation, of which each byte is looked at twice, as it is a string
// that is kept.
func benchmarkReviews(b *testing.B) []struct {
	name string
	body []byte
} {
	b.Helper()
	typical, err := os.ReadFile(typicalReview)
	if err != nil {
		b.Fatal(err)
	}
	replaced := func(body []byte, old, new string) []byte {
		changed := bytes.Replace(body, []byte(old), []byte(new), 1)
		if bytes.Equal(changed, body) {
			b.Fatalf("%s has no %s", typicalReview, old)
		}
		return changed
	}
	with := func(old, new string) []byte { return replaced(typical, old, new) }
	between := func(start, end string) string {
		_, rest, _ := strings.Cut(string(typical), start)
		text, _, found := strings.Cut(rest, end)
		if !found {
			b.Fatalf("%s has no %s…%s", typicalReview, start, end)
		}
		return text
	}
	// What stands in a list stands in the managed fields as well, under a name in quotes.
	container, managed := between(`"containers":[`, `],"restartPolicy"`), between(`"f:containers":{`, `},"f:dnsPolicy"`)
	containers := func(n int) []byte {
		var all, allManaged []string
		for i := range n {
			all = append(all, strings.Replace(container, `"name":"api"`, fmt.Sprintf(`"name":"api-%d"`, i), 1))
			allManaged = append(allManaged, strings.Replace(managed, `\"api\"`, fmt.Sprintf(`\"api-%d\"`, i), 1))
		}
		return replaced(with(container, strings.Join(all, ",")), managed, strings.Join(allManaged, ","))
	}
	variables := func(size int) []byte {
		const (
			variable = `{"name":"SETTING","value":"https://settings.shop.svc.cluster.local/checkout/v2?region=eu-central-1&tier=gold"},`
			managed  = `"k:{\"name\":\"SETTING\"}":{".":{},"f:name":{},"f:value":{}},`
		)
		n := size / len(variable+managed)
		body := with(`"env":[`, `"env":[`+strings.Repeat(variable, n))
		return replaced(body, `"f:env":{`, `"f:env":{`+strings.Repeat(managed, n))
	}
	annotation := func(size int) []byte {
		const quoted = `{\"a\":\"b\"},`
		return with(`"annotations":{"checksum/config"`, `"annotations":{"blob":"`+strings.Repeat(quoted, size/len(quoted))+`","checksum/config"`)
	}
	hardened := with(`"imagePullPolicy":"IfNotPresent"`, `"imagePullPolicy":"IfNotPresent","securityContext":`+
		`{"capabilities":{"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,`+
		`"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`)
	return []struct {
		name string
		body []byte
	}{
		{"typical", typical},
		{"hardened", hardened},
		{"100kB", variables(100_000)},
		{"1MiB", variables(1 << 20)},
		{"annotation", annotation(100_000)},
		{"3containers", containers(3)},
		{"30containers", containers(30)},
		{"300containers", containers(300)},
	}
}

// BenchmarkSteps measures a review step by step: what is decoded, decided, patched
// and encoded.
func BenchmarkSteps(b *testing.B) {
	profile := builtin(b)[0]
	for _, review := range benchmarkReviews(b) {
		decode := func() (*request, scope) {
			req, err := parseReview(review.body)
			if err != nil {
				b.Fatal(err)
			}
			s, err := scopeOf(Enforce, req)
			if err != nil {
				b.Fatal(err)
			}
			return req, s
		}
		decide := func(s scope) *Change {
			change, err := s.change(profile)
			if err != nil {
				b.Fatal(err)
			}
			return change
		}
		patch := func(s scope, change *Change) *admissionv1.AdmissionResponse {
			injected, skipped := records(profile.Name, change)
			response := &admissionv1.AdmissionResponse{AuditAnnotations: auditAnnotations(Enforce, s, injected, skipped)}
			setPatch(response, s, change, injected)
			return response
		}
		req, s := decode()
		change := decide(s)
		response := patch(s, change)
		response.UID = req.UID
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"decode", func() { decode() }},
			{"decide", func() { decide(s) }},
			{"patch", func() { patch(s, change) }},
			{"encode", func() { encode(response) }},
		} {
			b.Run(review.name+"/"+step.name, func(b *testing.B) {
				if step.name == "decode" {
					b.SetBytes(int64(len(review.body)))
				}
				b.ReportAllocs()
				for b.Loop() {
					step.do()
				}
			})
		}
	}
}

// BenchmarkHandler measures a review as a whole, from its body to its answer, with
// metrics and a log line, and without the network. Each has a goroutine of its own, as
// net/http gives it: the growth of its stack counts.
func BenchmarkHandler(b *testing.B) {
	profiles := builtin(b)
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, review := range benchmarkReviews(b) {
		h := NewHandler(profiles, NewMetrics(prometheus.NewRegistry(), profiles, 3), logger)
		b.Run(review.name, func(b *testing.B) {
			b.SetBytes(int64(len(review.body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/enforce/hardened", bytes.NewReader(review.body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				done := make(chan struct{})
				go func() {
					defer close(done)
					h.ServeHTTP(w, r)
				}()
				<-done
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

func builtin(b *testing.B) []*defaults.Profile {
	b.Helper()
	profiles, err := defaults.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	return profiles
}
