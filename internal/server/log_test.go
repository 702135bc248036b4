// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/mutate"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestOneLogLine(t *testing.T) {
	w := newWebhook(t)
	w.review(t, "/enforce/hardened", create(barePod))
	line := w.log.String()
	for _, want := range []string{"level=INFO", "uid=7f3f2a1e", "namespace=shop", "name=web", "mode=enforce", `injected.profile=hardened injected.containers.app=allowPrivilegeEscalation,capabilities.drop,`} {
		if !strings.Contains(line, want) {
			t.Errorf("the log line has no %s: %s", want, line)
		}
	}
	if strings.Count(line, "\n") != 1 {
		t.Errorf("more than one line:\n%s", line)
	}
	w.log.Reset()
	w.review(t, "/enforce/hardened", create(`{"spec":{}}`))
	if line := w.log.String(); !strings.Contains(line, "level=DEBUG") {
		t.Errorf("a review that changes nothing is not logged at Debug: %s", line)
	}
}

// jsonLog makes a webhook log in JSON, and returns a function that reads the one line that
// it has written since.
func jsonLog(t *testing.T, w *webhook) (line func() map[string]any) {
	var log bytes.Buffer
	w.logger = slog.New(slog.NewJSONHandler(&log, nil))
	return func() map[string]any {
		t.Helper()
		var read map[string]any
		if err := json.Unmarshal(log.Bytes(), &read); err != nil {
			t.Fatalf("%v: %s", err, &log)
		}
		log.Reset()
		return read
	}
}

// In a log in JSON, the records and the owner are objects. The records are those that the
// audit log has.
func TestLogIsStructured(t *testing.T) {
	w := newWebhook(t)
	line := jsonLog(t, w)
	const owned = `{"metadata":{"generateName":"web-5d4f-","ownerReferences":[` +
		`{"apiVersion":"v1","kind":"Queue","name":"q"},` +
		`{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d4f","uid":"1","controller":true,"blockOwnerDeletion":true}` +
		`]},"spec":{"containers":[{"name":"app","securityContext":{"runAsUser":0}}]}}`
	for mode, key := range map[mutate.Mode]string{mutate.Enforce: "injected", mutate.Audit: "would-inject"} {
		response := w.review(t, "/"+string(mode)+"/hardened", create(owned))
		got := line()
		for _, record := range []string{key, "skipped"} {
			var want any
			if err := json.Unmarshal([]byte(response.AuditAnnotations[record]), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got[record]); diff != "" {
				t.Errorf("%s in the log (-want +got):\n%s", record, diff)
			}
		}
		if diff := cmp.Diff(map[string]any{"kind": "ReplicaSet", "name": "web-5d4f"}, got["owner"]); diff != "" {
			t.Errorf("owner (-want +got):\n%s", diff)
		}
		if got["name"] != "web-5d4f-" {
			t.Errorf("name = %v", got["name"])
		}
	}

	w.review(t, "/enforce/hardened", create(`{"metadata":{"ownerReferences":[{"kind":"Queue","name":"q","controller":false},null]},"spec":{"containers":[{"name":"app"}]}}`))
	if owner, found := line()["owner"]; found {
		t.Errorf("owner of a pod without a controller = %v", owner)
	}
}

// A text log has the owner and the records in a form that people read.
func TestTextLog(t *testing.T) {
	w := newWebhook(t)
	w.review(t, "/enforce/restricted", create(`{"metadata":{"ownerReferences":[{"kind":"Job","name":"report-1","controller":true}]},`+
		`"spec":{"containers":[{"name":"app","securityContext":{"capabilities":{"drop":["ALL"]},"seccompProfile":{},"allowPrivilegeEscalation":false}}]}}`))
	const want = `owner.kind=Job owner.name=report-1 injected.profile=restricted injected.containers.app=runAsNonRoot` + "\n"
	if !strings.Contains(w.log.String(), want) {
		t.Errorf("the line has no %s: %s", want, w.log)
	}
}

// What a line repeats of a request is bounded, wherever it stands in the request.
func TestLogIsBounded(t *testing.T) {
	const huge = 6_000_000
	quoted := func(text string) string {
		data, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	long := quoted(strings.Repeat("x", huge))
	many := func(name string) string {
		var containers []string
		for i := range 1000 {
			containers = append(containers, fmt.Sprintf(`{"name":"%s%d","securityContext":{"runAsUser":0}}`, name, i))
		}
		return strings.Join(containers, ",")
	}
	with := func(edit func(*admissionv1.AdmissionRequest)) *admissionv1.AdmissionRequest {
		request := create(barePod)
		edit(request)
		return request
	}
	for name, request := range map[string]*admissionv1.AdmissionRequest{
		"name of a container":    create(`{"spec":{"containers":[{"name":` + quoted(strings.Repeat("x", 1_000_000)) + `,"securityContext":{"runAsUser":0}}]}}`),
		"control characters":     create(`{"spec":{"containers":[{"name":` + quoted(strings.Repeat("\x01", 300_000)) + `,"securityContext":{"runAsUser":0}}]}}`),
		"name of a pod":          create(`{"metadata":{"name":` + long + `},"spec":{"containers":[{"name":"app"}]}}`),
		"generateName":           create(`{"metadata":{"generateName":` + long + `},"spec":{"containers":[{"name":"app"}]}}`),
		"kind of the owner":      create(`{"metadata":{"ownerReferences":[{"kind":` + long + `,"name":"x","controller":true}]},"spec":{"containers":[{"name":"app"}]}}`),
		"name of the owner":      create(`{"metadata":{"ownerReferences":[{"kind":"X","name":` + long + `,"controller":true}]},"spec":{"containers":[{"name":"app"}]}}`),
		"namespace":              with(func(r *admissionv1.AdmissionRequest) { r.Namespace = strings.Repeat("x", 1_000_000) }),
		"uid":                    with(func(r *admissionv1.AdmissionRequest) { r.UID = types.UID(strings.Repeat("x", 1_000_000)) }),
		"many containers":        create(`{"spec":{"containers":[` + many("c") + `]}}`),
		"names of control codes": create(`{"spec":{"containers":[` + many(strings.Repeat(`\u0001`, 20)) + `]}}`),
		"names of quotes":        create(`{"spec":{"containers":[` + many(strings.Repeat(`\"`, 40)) + `]}}`),
		"names that are cut":     create(`{"spec":{"containers":[` + many(strings.Repeat("x", 100)) + `]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWebhook(t)
			w.review(t, "/enforce/everything", request)
			if n := w.log.Len(); n > 5*maxRecord {
				t.Errorf("the line in text has %d bytes: %.500s…", n, w.log)
			}
			line := jsonLog(t, w)
			w.review(t, "/enforce/everything", request)
			text, err := json.Marshal(line())
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 3*maxRecord {
				t.Errorf("the line in JSON has %d bytes: %.500s…", len(text), text)
			}
		})
	}
}

// A record that is cut has whole containers, and says how many are left out.
func TestCutRecords(t *testing.T) {
	const n = 300
	var containers []string
	for i := range n {
		containers = append(containers, fmt.Sprintf(`{"name":"c%03d","securityContext":{"runAsUser":0}}`, i))
	}
	w := newWebhook(t)
	line := jsonLog(t, w)
	w.review(t, "/enforce/writable", create(`{"spec":{"containers":[`+strings.Join(containers, ",")+`]}}`))
	got := line()
	for _, key := range []string{"injected", "skipped"} {
		record := got[key].(map[string]any)
		logged := record["containers"].(map[string]any)
		if len(logged) < 20 || len(logged) == n {
			t.Errorf("%s has %d containers of %d", key, len(logged), n)
		}
		if left := record["containersLeftOut"]; left != float64(n-len(logged)) {
			t.Errorf("%s: containersLeftOut = %v, with %d of %d", key, left, len(logged), n)
		}
		if paths, found := record["writablePaths"].(map[string]any); found && len(paths) != len(logged) {
			t.Errorf("writablePaths of %d containers, and fields of %d", len(paths), len(logged))
		}
	}
}
