// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
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
		{"2 million containers", `{"spec":{"containers":` + list("{}", 2e6) + `}}`, "of memory, and may take 96"},
		{"5000 containers", `{"spec":{"containers":` + list("{}", 5000) + `}}`, "the answer for 5000 containers would take 81 MiB of memory"},
		{"a name that is escaped again and again", `{"spec":{"containers":[{"name":"` + strings.Repeat("<", 6<<20) + `"}]}}`, "the answer for 1 containers would take 301 MiB"},
		{"terms of a node affinity", `{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":` + list("{}", 2e6) + `}}}}}`, "MiB of memory, and may take 96"},
		{"capabilities", `{"spec":{"containers":[{"securityContext":{"capabilities":{"add":` + list(`""`, 2.2e6) + `}}}]}}`, "the body would take"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWebhook(t)
			for path, review := range map[string][]byte{
				"/enforce/hardened": marshalReview(t, create(`"the pod"`)),
				"/warn/hardened":    marshalReview(t, deployment(t, `"the pod"`)),
			} {
				body := bytes.Replace(review, []byte(`"the pod"`), []byte(tt.pod), 1)
				before := allocated()
				recorder := w.post(path, bytes.NewReader(body))
				if recorder.Code != http.StatusRequestEntityTooLarge || !strings.Contains(recorder.Body.String(), tt.want) {
					t.Errorf("%s: answer = %d %.200s, want 413 and %q", path, recorder.Code, recorder.Body, tt.want)
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

// What a body takes when it is decoded is no more than what is set aside for it, by the
// kinds of part that the most is kept of.
func TestDecodingBytes(t *testing.T) {
	for name, tt := range map[string]struct{ before, part, after string }{
		"containers":   {`{"spec":{"containers":[`, `{}`, `]}}`},
		"capabilities": {`{"spec":{"containers":[{"securityContext":{"capabilities":{"add":[`, `"ab"`, `]}}}]}}`},
		"SELinux":      {`{"spec":{"containers":[`, `{"securityContext":{"seLinuxOptions":{}}}`, `]}}`},
		"annotations":  {`{"metadata":{"annotations":{`, `"a%06d":""`, `}}}`},
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
			if _, err := parseReview(body); err != nil {
				t.Fatal(err)
			}
			took, setAside := int64(allocated()-before), decodingBytes(body)
			t.Logf("%d KiB were allocated in all, and %d are set aside", took>>10, setAside>>10)
			// A list that grows by a quarter leaves four times its size behind in all, and is
			// there twice at a time.
			if took > 3*setAside {
				t.Errorf("%d KiB were allocated, and only %d are set aside", took>>10, setAside>>10)
			}
		})
	}
}

// The largest pod or template that is answered takes no more memory than is set
// aside for it, in any mode.
func TestContainerBytes(t *testing.T) {
	for profile, many := range map[string]int{"hardened": 3500, "writable": 2000, "everything": 500} {
		t.Run(profile, func(t *testing.T) { testContainerBytes(t, profile, many) })
	}
}

func testContainerBytes(t *testing.T, profile string, many int) {
	var containers []string
	for i := range many {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d"}`, i))
	}
	pod := `{"spec":{"containers":[` + strings.Join(containers, ",") + `]}}`
	for _, mode := range Modes() {
		for what, request := range map[string]*admissionv1.AdmissionRequest{"pod": create(pod), "template": deployment(t, pod)} {
			body := marshalReview(t, request)
			w := newWebhook(t)
			path := fmt.Sprintf("/%s/%s", mode, profile)
			cost := costOf(w.profiles[profile])
			setAside := containerBytes + cost.container + cost.pod/int64(many)
			w.post(path, bytes.NewReader(body)) // so that what is made once is not measured
			before := allocated()
			recorder := w.post(path, bytes.NewReader(body))
			if recorder.Code != http.StatusOK {
				t.Errorf("%s, %s: %d %s", mode, what, recorder.Code, recorder.Body)
			}
			w.mustHoldNothing(t)
			perContainer := int64(allocated()-before) / int64(many)
			t.Logf("%s, %s: %d bytes a container, of %d that are set aside", path, what, perContainer, setAside)
			// All that was ever allocated, by a race detector also, is more than what is
			// held at a time.
			if perContainer > 3*setAside {
				t.Errorf("%s, %s: %d bytes a container were allocated, and %d are set aside", path, what, perContainer, setAside)
			}
		}
	}
}

// What a profile adds is that of the dearest default of each field, wherever it
// comes from: exceptions do not add up.
func TestProfileCosts(t *testing.T) {
	const field, text = defaultBytes, textBytes
	reason := strings.Repeat("r", 100)
	for name, tt := range map[string]struct {
		spec string
		want profileCost
	}{
		"values":         {`{container: {runAsUser: 10001, runAsNonRoot: true}}`, profileCost{container: 2*field + 9*text}},
		"at pod level":   {`{pod: {fsGroup: 7}}`, profileCost{pod: field + text}},
		"writable paths": {`{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp, sizeLimit: 1Mi}, {path: /run/x, sizeLimit: 1Mi}]}`, profileCost{container: field + 4*text + 2*mountBytes + 10*text}},
		"one that is left": {`{container: {runAsUser: 7}, exceptions: [
{match: {containers: [a]}, leave: [runAsUser], reason: ` + reason + `}, {match: {containers: [b]}, leave: [runAsUser], reason: b}]}`, profileCost{container: field + 101*text}},
		"one that is left at pod level": {`{pod: {runAsUser: 7}, exceptions: [{match: {containers: [a]}, leave: [runAsUser], reason: ` + reason + `}]}`, profileCost{pod: field + 101*text}},
		"one that is given": {`{container: {runAsUser: 7}, exceptions: [
{match: {containers: [a]}, container: {runAsUser: 1234}, reason: ` + reason + `}, {match: {containers: [b]}, container: {runAsUser: 123456}, reason: b}]}`, profileCost{container: field + 104*text}},
		"one that only an exception gives": {`{exceptions: [{match: {containers: [a]}, container: {runAsUser: 7}, reason: ` + reason + `}]}`, profileCost{container: field + 101*text}},
	} {
		t.Run(name, func(t *testing.T) {
			file := "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: a}\nspec: " + strings.ReplaceAll(tt.spec, "\n", "\n  ")
			profiles, err := defaults.ParseProfiles([]defaults.ProfileFile{{Name: "x.yaml", Data: []byte(file)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := costOf(profiles[0]); got != tt.want {
				t.Errorf("cost %+v, want %+v", got, tt.want)
			}
		})
	}
}

// A default for the pod is set aside once, where the pod is decided on.
func TestAnsweringBytes(t *testing.T) {
	cost := profileCost{container: 100, pod: 10_000}
	containers := make([]*defaults.Container, 2)
	for i := range containers {
		containers[i] = &defaults.Container{Name: "c"}
	}
	some := answeringBytes(&request{}, scope{containers: containers}, cost)
	if want := int64(2*(containerBytes+100) + 2*textBytes); some != want {
		t.Errorf("for two containers: %d, want %d", some, want)
	}
	if whole := answeringBytes(&request{}, scope{containers: containers, wholePod: true}, cost); whole != some+10_000 {
		t.Errorf("for the pod: %d, want %d", whole, some+10_000)
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
		"one long argument, with commas": `{"spec":{"containers":[{"name":"app","args":["` + strings.Repeat(`1,{:\"`, stored/7) + `"]}]}}`,
		"short arguments":                `{"spec":{"containers":[{"name":"app","args":[` + fill(`"%d",`, stored) + `]}]}}`,
		"environment":                    `{"spec":{"containers":[{"name":"app","env":[` + fill(`{"name":"E%d","value":"x"},`, stored) + `]}]}}`,
		"labels":                         `{"metadata":{"labels":{` + fill(`"l%d":"",`, stored) + `}},"spec":{"containers":[{"name":"app"}]}}`,
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
			update := deployment(t, after)
			update.Operation, update.OldObject = admissionv1.Update, deployment(t, pod).Object
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
	fields := strings.TrimSuffix(strings.Repeat(`"f",`, 20_000), ",")
	annotation, err := json.Marshal(`{"containers":{"a":[` + fields + `]}}`)
	if err != nil {
		t.Fatal(err)
	}
	pod := func(containers int) string {
		return `{"metadata":{"annotations":{"caseharden.io/injected":` + string(annotation) + `}},"spec":{"containers":[` +
			strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, containers), ",") + `]}}`
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
	if most := one + many*3*uint64(containerBytes+costOf(w.profiles["restricted"]).container); all > most {
		t.Errorf("%d MiB were allocated, want at most %d", all>>20, most>>20)
	}
}

// Answers that nobody takes are not waited for, and those that come to nothing
// hold no memory.
func TestLargeAnswersDoNotWait(t *testing.T) {
	w := newWebhook(t)
	release, err := w.writing.takeAtOnce(maxWritingBytes)
	if err != nil {
		t.Fatal(err)
	}
	large := `{"spec":{"containers":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, 100), ",") + `]}}`
	recorder := w.post("/enforce/hardened", bytes.NewReader(marshalReview(t, create(large))))
	if recorder.Code != http.StatusTooManyRequests || recorder.Header().Get("Retry-After") != "1" {
		t.Errorf("a large answer: %d %.200s, want 429", recorder.Code, recorder.Body)
	}
	w.review(t, "/enforce/hardened", create(barePod)) // a small one needs no room
	release()
	w.review(t, "/enforce/hardened", create(large))
	w.mustHoldNothing(t)
}

// Where memory is short, a review waits for others to end.
func TestReviewsWaitForMemory(t *testing.T) {
	w := newWebhook(t)
	release, err := w.decoding.take(wait{t.Context(), time.Now()}, maxDecodingBytes, "the test")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan int)
	body := marshalReview(t, create(barePod))
	go func() { answered <- w.post("/enforce/hardened", bytes.NewReader(body)).Code }()
	select {
	case code := <-answered:
		t.Errorf("answered %d while there was no memory", code)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if code := <-answered; code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
	w.mustHoldNothing(t)
}

// After maxWait there is no use in waiting.
func TestReviewsWaitNoLongerThanTheirClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t)
		release, err := w.decoding.take(wait{t.Context(), time.Now()}, maxDecodingBytes, "the test")
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		start := time.Now()
		recorder := w.post("/enforce/hardened", bytes.NewReader(marshalReview(t, create(barePod))))
		if recorder.Code != http.StatusTooManyRequests || recorder.Header().Get("Retry-After") != "1" {
			t.Errorf("answer = %d %s, Retry-After %q, want 429 and 1", recorder.Code, recorder.Body, recorder.Header().Get("Retry-After"))
		}
		if waited := time.Since(start); waited != maxWait {
			t.Errorf("it waited %s, want %s", waited, maxWait)
		}
	})
}

// Stalled bodies make room for one that comes, the oldest first, and never one
// that is whole or younger than stalledAfter.
func TestStalledBodiesMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBodies()
		var hungUp []string
		start := func(name string, bytes int64) *upload {
			u := b.start(func() { hungUp = append(hungUp, name) })
			if err := u.take(bytes); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return u
		}
		const quarter = maxBodiesBytes / 4
		whole := start("whole", quarter)
		if err := whole.whole(); err != nil {
			t.Fatal(err)
		}
		oldest := start("oldest", quarter)
		start("older", quarter)
		time.Sleep(stalledAfter)
		start("young", quarter)

		start("newcomer", 2*quarter)
		if want := []string{"oldest", "older"}; !slices.Equal(hungUp, want) {
			t.Errorf("dropped %v, want %v", hungUp, want)
		}
		if err := oldest.whole(); err == nil {
			t.Error("a body that was dropped is taken for whole")
		}
		if err := oldest.take(1); err == nil {
			t.Error("a body that was dropped takes memory")
		}
		oldest.release()
		refused := b.start(func() { t.Error("the one that asks was dropped") })
		if err := refused.take(1); err == nil {
			t.Error("a young body was dropped")
		}
		whole.release()
		if err := refused.take(quarter); err != nil {
			t.Error(err)
		}

		// A stalled body that asks for more does not make room for itself.
		b = newBodies()
		if err := b.start(func() {}).whole(); err != nil {
			t.Fatal(err)
		}
		stalled := b.start(func() { t.Error("the one that asks was dropped") })
		time.Sleep(stalledAfter)
		if err := stalled.take(maxBodiesBytes + 1); err == nil {
			t.Error("more memory was taken than there is")
		}
	})
}
