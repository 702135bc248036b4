// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
)

func list(item string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

// Reviews that are small as they arrive and would be large in memory are refused
// before they are.
func TestSmallReviewsThatGrow(t *testing.T) {
	for name, pod := range map[string]string{
		"2 million containers":           `{"spec":{"containers":` + list("{}", 2e6) + `}}`,
		"9000 containers":                `{"spec":{"containers":` + list("{}", 9000) + `}}`,
		"a long name, which is repeated": `{"spec":{"containers":[{"name":"` + strings.Repeat("x", 6<<20) + `"}]}}`,
		"terms of a node affinity":       `{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":` + list("{}", 2e6) + `}}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWebhook(t)
			for path, request := range map[string]*admissionv1.AdmissionRequest{
				"/enforce/hardened": create(pod),
				"/warn/hardened":    createDeployment(pod),
			} {
				body := marshalReview(t, request)
				before := allocated()
				recorder := w.post(path, bytes.NewReader(body))
				if recorder.Code != http.StatusRequestEntityTooLarge || !strings.Contains(recorder.Body.String(), fmt.Sprintf("of memory, and may take %d", largeBytes>>20)) {
					t.Errorf("%s: answer = %d %.200s, want 413", path, recorder.Code, recorder.Body)
				}
				if grown := allocated() - before; grown > 5*maxBodyBytes {
					t.Errorf("%s: it allocated %d MiB", path, grown>>20)
				}
				w.mustHoldNothing(t)
			}
		})
	}
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// A decoded body takes no more than decodedBytes, by the kinds of part that the most is
// kept of.
func TestDecodedBytes(t *testing.T) {
	for name, tt := range map[string]struct{ before, part, after string }{
		"containers":  {`{"spec":{"containers":[`, `{}`, `]}}`},
		"SELinux":     {`{"spec":{"containers":[`, `{"securityContext":{"seLinuxOptions":{}}}`, `]}}`},
		"annotations": {`{"metadata":{"annotations":{`, `"a%06d":""`, `}}}`},
		"expressions": {`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[`,
			`{}`, `]}]}}}}}`},
		"owners": {`{"metadata":{"ownerReferences":[`, `{}`, `]}}`},
		"terms and fields": {`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[`,
			`{"matchFields":[{}]}`, `]}}}}}`},
		"values": {`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"values":[`,
			`"ab"`, `]}]}]}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			const size = 1 << 20
			var pod strings.Builder
			pod.WriteString(tt.before)
			for i := 0; pod.Len() < size; i++ {
				if i > 0 {
					pod.WriteByte(',')
				}
				if strings.Contains(tt.part, "%") {
					fmt.Fprintf(&pod, tt.part, i)
				} else {
					pod.WriteString(tt.part)
				}
			}
			pod.WriteString(tt.after)
			body := marshalReview(t, create(pod.String()))
			before := allocated()
			if _, err := mutate.Read(mutate.Enforce, body); err != nil {
				t.Fatal(err)
			}
			took, setAside := int64(allocated()-before), decodedBytes(body)
			t.Logf("%d KiB were allocated in all, and %d are set aside", took>>10, setAside>>10)
			// A list that grows by a quarter leaves four times its size behind in all, and is
			// there twice at a time.
			if took > 3*setAside {
				t.Errorf("%d KiB were allocated, and only %d are set aside", took>>10, setAside>>10)
			}
		})
	}
}

// An answer takes no more memory than a profile adds for each container, in any mode.
func TestPerContainer(t *testing.T) {
	for profile, many := range map[string]int{"hardened": 3500, "writable": 2000, "everything": 500} {
		var containers []string
		for i := range many {
			containers = append(containers, fmt.Sprintf(`{"name":"c%d"}`, i))
		}
		pod := `{"spec":{"containers":[` + strings.Join(containers, ",") + `]}}`
		for _, mode := range mutate.Modes() {
			for what, request := range map[string]*admissionv1.AdmissionRequest{"pod": create(pod), "template": createDeployment(pod)} {
				body := marshalReview(t, request)
				w := newWebhook(t)
				path := fmt.Sprintf("/%s/%s", mode, profile)
				setAside := w.limiter.perContainer[w.profiles[profile]]
				w.post(path, bytes.NewReader(body)) // so that what is made once is not measured
				before := allocated()
				recorder := w.post(path, bytes.NewReader(body))
				if recorder.Code != http.StatusOK {
					t.Errorf("%s, %s: %d %s", path, what, recorder.Code, recorder.Body)
				}
				w.mustHoldNothing(t)
				took := int64(allocated()-before) / int64(many)
				t.Logf("%s, %s: %d bytes a container, of %d that are set aside", path, what, took, setAside)
				// All that was ever allocated, by a race detector also, is more than what is
				// held at a time.
				if took > 3*setAside {
					t.Errorf("%s, %s: %d bytes a container were allocated, and %d are set aside", path, what, took, setAside)
				}
			}
		}
	}
}

// A profile adds each field once, with the longest text that it or an exception has for
// the field: exceptions do not add up.
func TestPerContainerByProfile(t *testing.T) {
	reason := strings.Repeat("r", 100)
	for name, tt := range map[string]struct {
		spec                 string
		fields, text, mounts int64
	}{
		"values":         {`{container: {runAsUser: 10001, runAsNonRoot: true}}`, 2, 9, 0},
		"at pod level":   {`{pod: {fsGroup: 7}}`, 1, 1, 0},
		"writable paths": {`{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp, sizeLimit: 1Mi}, {path: /run/x, sizeLimit: 1Mi}]}`, 1, 14, 2},
		"the longest writable paths of an exception": {`{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp}], exceptions: [
  {match: {containers: [a]}, writablePaths: [{path: /a}, {path: /b}], reason: a}, {match: {containers: [b]}, writablePaths: [{path: /run}], reason: b}]}`, 1, 12, 3},
		"exceptions": {`{container: {runAsUser: 7}, exceptions: [
  {match: {containers: [a]}, leave: [runAsUser], reason: ` + reason + `},
  {match: {containers: [b]}, container: {runAsUser: 123456}, reason: b}]}`, 1, 100, 0},
		"one that only an exception gives": {`{exceptions: [{match: {containers: [a]}, container: {runAsUser: 7}, reason: ` + reason + `}]}`, 1, 101, 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: a}\nspec: " + tt.spec
			profiles, err := profile.Parse([]profile.File{{Name: "x.yaml", Data: []byte(file)}})
			if err != nil {
				t.Fatal(err)
			}
			want := containerBytes + tt.fields*defaultBytes + tt.text*repeatedBytes + tt.mounts*mountBytes
			if got := perContainer(profiles[0]); got != want {
				t.Errorf("%d bytes, want %d", got, want)
			}
		})
	}
}

// A pod that an API server can store is answered, however it is made, and so is a
// template: etcd takes 1.5 MiB, with what we add.
func TestLargestPods(t *testing.T) {
	const stored = 3 << 19
	fill := func(format string, n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	// As an API server writes a container.
	const fields = `"k:{\"name\":\"E%d\"}":{".":{},"f:name":{},"f:value":{}},`
	const bare = `{"name":"c%d","image":"app","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"Always"},`
	for name, pod := range map[string]string{
		"one long argument, a JSON document": `{"spec":{"containers":[{"name":"app","args":["[` + fill(`{\"name\":\"E%d\",\"value\":\"x\"},`, stored) + `]"]}]}}`,
		"short arguments":                    `{"spec":{"containers":[{"name":"app","args":[` + fill(`"%d",`, stored) + `]}]}}`,
		"environment":                        `{"spec":{"containers":[{"name":"app","env":[` + fill(`{"name":"E%d","value":"x"},`, stored) + `]}]}}`,
		"labels":                             `{"metadata":{"labels":{` + fill(`"l%d":"",`, stored) + `}},"spec":{"containers":[{"name":"app"}]}}`,
		"environment and managed fields": `{"metadata":{"managedFields":[{"fieldsV1":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:env":{` + fill(fields, stored*2/3) +
			`}}}}}}]},"spec":{"containers":[{"name":"app","env":[` + fill(`{"name":"E%d","value":"x"},`, stored/3) + `]}]}}`,
		"containers, with what we add": `{"spec":{"containers":[` + fill(bare, stored*150/400) + `]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if response := newWebhook(t).review(t, "/enforce/hardened", create(pod)); response.Patch == nil {
				t.Error("the pod was not hardened")
			}
			// kubectl debug sends the pod as it was, and as it is to be.
			after := strings.Replace(pod, `"spec":{`, `"spec":{"ephemeralContainers":[{"name":"debugger"}],`, 1)
			if response := newWebhook(t).review(t, "/enforce/hardened", updateEphemeral(pod, after)); response.Patch == nil {
				t.Error("the debug container was not hardened")
			}
			update := createDeployment(after)
			update.Operation, update.OldObject = admissionv1.Update, createDeployment(pod).Object
			if response := newWebhook(t).review(t, "/warn/hardened", update); response.Warnings == nil {
				t.Error("of the template nothing was said")
			}
		})
	}
}

// Names that are repeated, as only validation will find, do not make an earlier
// pass's record be merged again for each.
func TestRepeatedNamesAreMergedOnce(t *testing.T) {
	const many = 3000
	annotation, err := json.Marshal(`{"containers":{"a":` + list(`"f"`, 20_000) + `}}`)
	if err != nil {
		t.Fatal(err)
	}
	pod := func(containers int) string {
		return `{"metadata":{"annotations":{"caseharden.io/injected":` + string(annotation) + `}},"spec":{"containers":` + list(`{"name":"a"}`, containers) + `}}`
	}
	w := newWebhook(t)
	allocatedFor := func(containers int) uint64 {
		before := allocated()
		w.review(t, "/enforce/restricted", create(pod(containers)))
		return allocated() - before
	}
	allocatedFor(1) // so that what is made once is not measured
	one, all := allocatedFor(1), allocatedFor(many)
	// Merging again would take as much as the annotation, each time.
	if most := one + many*3*uint64(w.limiter.perContainer[w.profiles["restricted"]]); all > most {
		t.Errorf("%d MiB were allocated, want at most %d", all>>20, most>>20)
	}
}

// What clients hold back is not waited for. Small bodies and small answers need no room.
func TestHeldRoomIsNotWaitedFor(t *testing.T) {
	w := newWebhook(t)
	release, err := w.limiter.hold(heldBytes, "the test")
	if err != nil {
		t.Fatal(err)
	}
	largeAnswer := marshalReview(t, create(`{"spec":{"containers":`+list(`{"name":"a"}`, 100)+`}}`))
	largeBody := marshalReview(t, create(strings.Replace(barePod, `"web"`, `"`+strings.Repeat("x", firstBodyBytes)+`"`, 1)))
	for name, body := range map[string][]byte{"a large answer": largeAnswer, "a large body": largeBody} {
		recorder := w.post("/enforce/hardened", bytes.NewReader(body))
		if recorder.Code != http.StatusTooManyRequests || recorder.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %d %.200s, want 429", name, recorder.Code, recorder.Body)
		}
	}
	w.review(t, "/enforce/hardened", create(barePod))
	release()
	for _, body := range [][]byte{largeAnswer, largeBody} {
		if recorder := w.post("/enforce/hardened", bytes.NewReader(body)); recorder.Code != http.StatusOK {
			t.Errorf("with room: %d %.200s", recorder.Code, recorder.Body)
		}
	}
	w.mustHoldNothing(t)
}

// Bodies that would together take more memory than there is for them are refused, and the
// server reads on meanwhile, so that the clients get their answer.
func TestBodiesAreBounded(t *testing.T) {
	w := newWebhook(t)
	const fit, tooMany = heldBytes / maxBodyBytes, 5
	codes := make(chan int)
	reached, release := make(chan struct{}), make(chan struct{})
	for range fit + tooMany {
		go func() {
			body := io.MultiReader(io.LimitReader(zeros{}, maxBodyBytes-1), blocked{reached, release})
			codes <- w.post("/enforce/hardened", body).Code
		}()
	}
	for range fit + tooMany {
		<-reached
	}
	close(release)
	refused := 0
	for range fit + tooMany {
		if code := <-codes; code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != tooMany {
		t.Errorf("%d answers are 429, want %d", refused, tooMany)
	}
	w.mustHoldNothing(t)
	if response := w.review(t, "/enforce/hardened", create(barePod)); response.Patch == nil {
		t.Error("the next good request was not served")
	}
}

// blocked is the end of a body that does not come before it is released.
type blocked struct{ reached, release chan struct{} }

func (b blocked) Read([]byte) (int, error) {
	b.reached <- struct{}{}
	<-b.release
	return 0, io.EOF
}

// A review waits until it can begin, for at most maxWait. A small review does not wait for
// a large one, nor a large one for small ones.
func TestReviewsWait(t *testing.T) {
	small := marshalReview(t, create(barePod))
	large := marshalReview(t, create(strings.Replace(barePod, `"web"`, `"`+strings.Repeat("x", maxSmallBytes/repeatedBytes)+`"`, 1)))
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t)
		took := func(body []byte) (int, time.Duration) {
			start := time.Now()
			return w.post("/enforce/hardened", bytes.NewReader(body)).Code, time.Since(start)
		}
		for _, tt := range []struct {
			name        string
			waits, runs []byte
			take        func()
			give        func()
		}{
			{"small reviews", small, large, func() { w.limiter.small.TryAcquire(smallBytes) }, func() { w.limiter.small.Release(smallBytes) }},
			{"large reviews", large, small, func() { w.limiter.large.TryAcquire(1) }, func() { w.limiter.large.Release(1) }},
		} {
			tt.take()
			if code, after := took(tt.waits); code != http.StatusTooManyRequests || after != maxWait {
				t.Errorf("while there are too many %s: %d after %s, want 429 after %s", tt.name, code, after, maxWait)
			}
			if code, after := took(tt.runs); code != http.StatusOK || after != 0 {
				t.Errorf("another review, while there are too many %s: %d after %s, want 200 at once", tt.name, code, after)
			}
			time.AfterFunc(time.Second, tt.give)
			if code, after := took(tt.waits); code != http.StatusOK || after != time.Second {
				t.Errorf("%s when there is room after a second: %d after %s", tt.name, code, after)
			}
			w.mustHoldNothing(t)
		}
	})
}

// A body never gets a buffer that is much larger than what was counted for it, whatever
// buffers were used before.
func TestBuffersAreCounted(t *testing.T) {
	w := newWebhook(t)
	read := func(length int) int {
		r := httptest.NewRequest(http.MethodPost, "/enforce/hardened", io.LimitReader(zeros{}, int64(length)))
		r.ContentLength = int64(length)
		data, release, err := w.limiter.readBody(httptest.NewRecorder(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		return cap(data)
	}
	const small = 40 << 10
	for range 10 { // a pool may drop what it gets
		read(maxBodyBytes)
		if have := read(small); have > 3*small {
			t.Fatalf("a body of %d bytes is in a buffer of %d", small, have)
		}
	}
	w.mustHoldNothing(t)
}

// An answer for which there would never be room is not asked for again.
func TestAnswersHaveALimit(t *testing.T) {
	_, err := newLimiter(nil).holdAnswer(heldBytes + 1)
	if f := asFailure(err); f.code != http.StatusRequestEntityTooLarge {
		t.Errorf("%v, want 413", err)
	}
}

// A review that gets no answer, as others do not read theirs, is not counted and not logged:
// it comes again.
func TestRefusedAnswerIsNotCounted(t *testing.T) {
	w := newWebhook(t)
	if !w.limiter.held.TryAcquire(heldBytes) {
		t.Fatal("the room for answers is taken")
	}
	body := marshalReview(t, create(`{"spec":{"containers":[{}`+strings.Repeat(",{}", 300)+`]}}`))
	recorder := w.post("/enforce/hardened", bytes.NewReader(body)) // it is small; its answer is not
	if recorder.Code != http.StatusTooManyRequests || !strings.Contains(recorder.Body.String(), "its answer") {
		t.Fatalf("%d %s, want 429 for its answer", recorder.Code, recorder.Body)
	}
	if n := w.series(t, "caseharden_decisions_total", `field="runAsUser",mode="enforce",outcome="inject",profile="hardened",reason="unset"`); n != 0 {
		t.Errorf("%v decisions are counted, want none", n)
	}
	if strings.Contains(w.log.String(), "msg=review") {
		t.Errorf("it is logged as answered: %s", w.log)
	}
	w.limiter.held.Release(heldBytes)
	if recorder := w.post("/enforce/hardened", bytes.NewReader(body)); recorder.Code != http.StatusOK || !strings.Contains(w.log.String(), "msg=review") {
		t.Errorf("with room: %d, log %s", recorder.Code, w.log)
	}
}
