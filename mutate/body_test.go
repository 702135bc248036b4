// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// Reviews that are small as they arrive and would be large in memory are refused
// before they are.
func TestSmallReviewsThatGrow(t *testing.T) {
	list := func(item string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	for _, tt := range []struct {
		name string
		pod  string
		want string
	}{
		{"2 million containers", `{"spec":{"containers":` + list("{}", 2e6) + `}}`, "the body holds about 4000"},
		{"one container too many", `{"spec":{"containers":` + list("{}", maxContainers+1) + `}}`, "has 1001 containers, and a review may have 1000"},
		{"a name that is escaped again and again", `{"spec":{"containers":[{"name":"` + strings.Repeat("<", 6<<20) + `"}]}}`, "its names have 62914"},
		{"terms of a node affinity", `{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":` + list("{}", 2e6) + `}}}}}`, "values, which would take too much memory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWebhook(t)
			review := marshalReview(t, create("{}"))
			body := bytes.Replace(review, []byte(`"object":{}`), []byte(`"object":`+tt.pod), 1)
			before := allocated()
			recorder := w.post("/enforce/hardened", bytes.NewReader(body))
			if recorder.Code != http.StatusRequestEntityTooLarge || !strings.Contains(recorder.Body.String(), tt.want) {
				t.Errorf("answer = %d %.200s, want 413 and %q", recorder.Code, recorder.Body, tt.want)
			}
			if grown := allocated() - before; grown > 5*maxBodyBytes {
				t.Errorf("it allocated %d MiB", grown>>20)
			}
			if n := w.bodies.free.Load(); n != maxBodiesBytes {
				t.Errorf("%d bytes are still held", maxBodiesBytes-n)
			}
		})
	}
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// The largest pod that is answered takes no more memory than is set aside for
// it, in any mode.
func TestContainerBytes(t *testing.T) {
	var containers []string
	for i := range maxContainers {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d"}`, i))
	}
	body := marshalReview(t, create(`{"spec":{"containers":[`+strings.Join(containers, ",")+`]}}`))
	for _, mode := range Modes() {
		w := newWebhook(t)
		w.post("/"+string(mode)+"/hardened", bytes.NewReader(body)) // so that what is made once is not measured
		before := allocated()
		recorder := w.post("/"+string(mode)+"/hardened", bytes.NewReader(body))
		if recorder.Code != http.StatusOK {
			t.Errorf("%s: %d %s", mode, recorder.Code, recorder.Body)
		}
		perContainer := (allocated() - before) / maxContainers
		t.Logf("%s: %d bytes a container", mode, perContainer)
		// All that was ever allocated, by a race detector also, is more than what is
		// held at a time.
		if perContainer > 3*containerBytes {
			t.Errorf("%s: %d bytes a container were allocated, and %d are set aside", mode, perContainer, containerBytes)
		}
	}
}

// What is no name of a namespace never becomes a label value.
func TestNamespaceLabelIsAName(t *testing.T) {
	w := newWebhook(t)
	request := create(barePod)
	request.Namespace = strings.Repeat("x", 1<<10)
	w.review(t, "/enforce/hardened", request)
	if n := w.series(t, "caseharden_pods_total", `mode="enforce",namespace="_other",profile="hardened",result="patched"`); n != 1 {
		t.Errorf("%v pods under _other, want 1", n)
	}
}
