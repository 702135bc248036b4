// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// Every answer of the handler that is no review: its status code, its one
// sentence, and no patch.
func TestFailures(t *testing.T) {
	good := string(marshalReview(t, create(barePod)))
	edited := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the review holds no %s: %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tt := range []struct {
		name   string
		method string
		path   string
		header http.Header
		body   string
		code   int
		want   string // part of the sentence
	}{
		{name: "GET", method: http.MethodGet, code: 405, want: "method GET is not allowed"},
		{name: "PUT", method: http.MethodPut, body: good, code: 405, want: "method PUT is not allowed"},
		{name: "form", header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: good, code: 415, want: `content type "application/x-www-form-urlencoded" is not supported`},
		{name: "no content type", header: http.Header{"Content-Type": {""}}, body: good, code: 415, want: `content type "" is not supported`},
		{name: "protobuf", header: http.Header{"Content-Type": {"application/vnd.kubernetes.protobuf"}}, body: good, code: 415, want: "application/json"},
		{name: "gzip", header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, body: "\x1f\x8bgarbage", code: 415, want: `content encoding "gzip" is not supported`},
		{name: "unknown mode", path: "/mutate/hardened", body: good, code: 404, want: "/enforce/PROFILE"},
		{name: "no path", path: "/", body: good, code: 404, want: "/enforce/PROFILE"},
		{name: "unknown profile", path: "/enforce/harden", body: good, code: 404, want: `profile "harden" is not loaded; loaded are: asked, compatible, everything, hardened, restricted, writable, writable-unlimited`},
		{name: "no profile", path: "/enforce/", body: good, code: 404, want: `profile "" is not loaded`},
		{name: "more path", path: "/enforce/hardened/x", body: good, code: 404, want: `profile "hardened/x" is not loaded`},
		{name: "announced too large", body: strings.Repeat("x", maxBodyBytes+1), code: 413, want: "the body is over 7 MiB"},
		{name: "empty", code: 400, want: "the body is empty"},
		{name: "gzip unannounced", body: "\x1f\x8b\x08\x00garbage", code: 400, want: "the body: is not JSON"},
		{name: "half a review", body: good[:len(good)/2], code: 400, want: "is not JSON: unexpected EOF at byte"},
		{name: "two reviews", body: good + good, code: 400, want: "is not JSON"},
		{name: "deep nesting", body: edited(`"name":"web"`, `"name":"web","x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), code: 400, want: "exceeded max depth"},
		{name: "a list", body: "[]", code: 400, want: "the body: must be an object, is a list"},
		{name: "a pod", body: barePod, code: 400, want: "must be an AdmissionReview of admission.k8s.io/v1"},
		{name: "v1beta1", body: edited("admission.k8s.io/v1", "admission.k8s.io/v1beta1"), code: 400, want: `says it is a "AdmissionReview" of "admission.k8s.io/v1beta1"`},
		{name: "no request", body: `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`, code: 400, want: "request: must be set"},
		{name: "null request", body: `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}`, code: 400, want: "request: must be set"},
		{name: "no UID", body: edited(`"uid":"7f3f2a1e"`, `"uid":""`), code: 400, want: "request.uid: must be set"},
		{name: "a response", body: `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"x","allowed":true}}`, code: 400, want: "request: must be set"},
		{name: "operation of another type", body: edited(`"operation":"CREATE"`, `"operation":{}`), code: 400, want: "request.operation: must be a string, is an object"},
		{name: "no object", body: edited(`"object":`+barePod, `"object":null`), code: 400, want: "request.object: must be set"},
		{name: "object of another type", body: edited(`"object":`+barePod, `"object":"pod"`), code: 400, want: "request.object: must be an object, is a string"},
		{name: "a field of another type", body: edited(`"name":"app"`, `"name":"app","securityContext":{"runAsUser":"root"}`), code: 400, want: "request.object.spec.containers[0].securityContext.runAsUser: must be a number, is a string"},
		{name: "a security context of another type", body: edited(`"name":"app"`, `"name":"app","securityContext":[]`), code: 400, want: "request.object.spec.containers[0].securityContext: must be an object"},
		{name: "duplicate key", body: edited(`"name":"app"`, `"name":"app","name":"b"`), code: 400, want: `is not JSON: duplicate object member name`},
		{name: "invalid UTF-8", body: edited(`"name":"app"`, "\"name\":\"\xff\""), code: 400, want: "invalid UTF-8"},
		{name: "ephemeral containers with a null oldObject", body: edited(`"operation":"CREATE"`, `"operation":"UPDATE","subResource":"ephemeralcontainers"`), code: 400, want: "request.oldObject: must be set"},
		{name: "ephemeral containers without oldObject", body: strings.Replace(edited(`"operation":"CREATE"`, `"operation":"UPDATE","subResource":"ephemeralcontainers"`), `"oldObject":null,`, ``, 1), code: 400, want: "request.oldObject: must be set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWebhook(t)
			method, path := http.MethodPost, "/enforce/hardened"
			if tt.method != "" {
				method = tt.method
			}
			if tt.path != "" {
				path = tt.path
			}
			r := httptest.NewRequest(method, path, strings.NewReader(tt.body))
			r.Header = http.Header{"Content-Type": {"application/json"}}
			if tt.header != nil {
				r.Header = tt.header
			}
			recorder := httptest.NewRecorder()
			w.ServeHTTP(recorder, r)

			answer := recorder.Body.String()
			if recorder.Code != tt.code || !strings.Contains(answer, tt.want) {
				t.Errorf("answer = %d %s, want %d and %q", recorder.Code, answer, tt.code, tt.want)
			}
			if strings.Contains(answer, "patch") {
				t.Errorf("there is a patch in %s", answer)
			}
			if strings.Count(answer, "\n") != 1 || !strings.HasSuffix(answer, "\n") {
				t.Errorf("the answer is not one line: %q", answer)
			}
			if got := recorder.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("content type %q", got)
			}
			w.mustHoldNothing(t)
			if lines := strings.Count(w.log.String(), "\n"); lines != 1 {
				t.Errorf("%d log lines, want 1:\n%s", lines, w.log)
			}
		})
	}
}

// A body that is larger than it says, or does not say, is cut off at the limit.
func TestBodyWithoutLength(t *testing.T) {
	w := newWebhook(t)
	r := httptest.NewRequest(http.MethodPost, "/enforce/hardened", io.LimitReader(zeros{}, maxBodyBytes+1))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answer = %d %s, want 413", recorder.Code, recorder.Body)
	}
	w.mustHoldNothing(t)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The largest body that is allowed is read whole, however its length is told.
func TestLargestBody(t *testing.T) {
	pod := fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"containers":[{"name":"app"}]}}`, "")
	review := marshalReview(t, create(pod))
	padded := bytes.Replace(review, []byte(`"name":""`), []byte(`"name":"`+strings.Repeat("x", maxBodyBytes-len(review))+`"`), 1)
	if len(padded) != maxBodyBytes {
		t.Fatalf("the body has %d bytes, want %d", len(padded), maxBodyBytes)
	}
	for name, body := range map[string]io.Reader{"length": bytes.NewReader(padded), "no length": io.MultiReader(bytes.NewReader(padded))} {
		if recorder := newWebhook(t).post("/enforce/hardened", body); recorder.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, recorder.Code, recorder.Body)
		}
	}
}

func TestSlowBody(t *testing.T) {
	recorder := newWebhook(t).post("/enforce/hardened", io.MultiReader(strings.NewReader("{"), broken{os.ErrDeadlineExceeded}))
	if recorder.Code != http.StatusRequestTimeout {
		t.Errorf("answer = %d %s, want 408", recorder.Code, recorder.Body)
	}
	recorder = newWebhook(t).post("/enforce/hardened", io.MultiReader(strings.NewReader("{"), broken{errors.New("reset")}))
	if recorder.Code != http.StatusBadRequest {
		t.Errorf("answer = %d %s, want 400", recorder.Code, recorder.Body)
	}
}

type broken struct{ error }

func (b broken) Read([]byte) (int, error) { return 0, b.error }

// What is no business of ours is allowed, without a patch, a warning or a word,
// in every mode.
func TestUntouched(t *testing.T) {
	node := create(`{"metadata":{"name":"node-1"},"spec":{"containers":"three"}}`)
	node.Resource = metav1.GroupVersionResource{Version: "v1", Resource: "nodes"}

	custom := create(`{"spec":{"containers":"three"}}`)
	custom.Resource = metav1.GroupVersionResource{Group: "shipping.example.com", Version: "v1", Resource: "pods"}

	update := create(barePod)
	update.Operation, update.OldObject = admissionv1.Update, runtime.RawExtension{Raw: []byte(barePod)}

	status := create(barePod)
	status.Operation, status.SubResource = admissionv1.Update, "status"

	eviction := create(`{"kind":"Eviction"}`)
	eviction.SubResource = "eviction"

	remove := create("null")
	remove.Operation, remove.OldObject = admissionv1.Delete, runtime.RawExtension{Raw: []byte(barePod)}

	exec := create(`{"kind":"PodExecOptions"}`)
	exec.Operation, exec.SubResource = admissionv1.Connect, "exec"

	mirror := create(`{"metadata":{"annotations":{"kubernetes.io/config.mirror":""}},"spec":{"containers":[{"name":"app"}]}}`)

	mirrorDebug := updateEphemeral(`{"metadata":{"annotations":{"kubernetes.io/config.mirror":""}},"spec":{"containers":[{"name":"app"}]}}`, `{"spec":{"ephemeralContainers":[{"name":"app"}]}}`)

	for name, request := range map[string]*admissionv1.AdmissionRequest{
		"a node": node, "pods of another group": custom, "update of a pod": update,
		"update of its status": status, "eviction": eviction, "deletion": remove, "exec": exec,
		"a mirror pod": mirror, "ephemeral container of a mirror pod": mirrorDebug,
	} {
		for _, mode := range mutate.Modes() {
			t.Run(fmt.Sprintf("%s/%s", name, mode), func(t *testing.T) {
				w := newWebhook(t)
				response := w.review(t, "/"+string(mode)+"/hardened", request)
				if response.Patch != nil || response.Warnings != nil || response.AuditAnnotations != nil {
					t.Errorf("response = %+v, want only allowed", response)
				}
				if n := w.series(t, "caseharden_pods_total", fmt.Sprintf(`mode="%s",namespace="_other",profile="hardened",result="unchanged"`, mode)); n != 0 {
					t.Errorf("%v pods were counted", n)
				}
			})
		}
	}
}

func TestPanicIsAnswered(t *testing.T) {
	w := newWebhook(t)
	w.profiles["broken"] = &defaults.Profile{Name: "broken", Container: []defaults.Default{{}}} // a default of no field
	recorder := w.post("/enforce/broken", bytes.NewReader(marshalReview(t, create(barePod))))
	if recorder.Code != http.StatusInternalServerError || !strings.Contains(recorder.Body.String(), "internal error") {
		t.Errorf("answer = %d %s", recorder.Code, recorder.Body)
	}
	if n := w.series(t, "caseharden_panics_total", ""); n != 1 {
		t.Errorf("caseharden_panics_total = %v, want 1", n)
	}
	if line := w.log.String(); !strings.Contains(line, "defaults.") || !strings.Contains(line, "level=ERROR") || strings.Count(line, "\n") != 1 {
		t.Errorf("the log does not have the stack in one line: %s", line)
	}
	w.mustHoldNothing(t)
	if response := w.review(t, "/enforce/hardened", create(barePod)); response.Patch == nil {
		t.Error("the next good request was not served")
	}
}
