// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// runPreview runs the command, which must end with the code, and returns what it
// prints.
func runPreview(t *testing.T, code int, flags ...string) []byte {
	t.Helper()
	own := withOwnProfiles(t)
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, append(append([]string{"preview"}, own.flags()...), flags...)...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	// Exceptions that no Pod of a test needs are noticed.
	unexpected := slices.DeleteFunc(slices.Collect(strings.Lines(stderr.String())), func(line string) bool {
		return strings.HasPrefix(line, "caseharden: notice: no workload of this preview needs")
	})
	if got != code || len(unexpected) > 0 {
		t.Fatalf("preview %s ends with %d, want %d: %s", strings.Join(flags, " "), got, code, stderr.String())
	}
	return stdout.Bytes()
}

// A previewReport is what the tests look at of preview -o json.
type previewReport struct {
	Workloads []struct {
		Name, Excluded string
		Changed        bool
		Pod            []previewDecision
		Containers     []struct {
			Name          string
			Decisions     []previewDecision
			WritablePaths []string
		}
	}
}

type previewDecision struct{ Field, Outcome, Reason, Because string }

// A hardening is what is told of a pod, in the annotation and the audit log or in a
// preview, by container; what is of the pod is under "".
type hardening struct {
	Injected      map[string][]string
	Skipped       map[string]map[string]string
	WritablePaths map[string][]string
}

func (h *hardening) add(container string, decisions []previewDecision) {
	for _, d := range decisions {
		switch d.Outcome {
		case "inject":
			h.Injected[container] = append(h.Injected[container], d.Field)
		case "skip":
			if h.Skipped[container] == nil {
				h.Skipped[container] = map[string]string{}
			}
			reason := d.Reason
			if reason == "exception" {
				reason += ": " + d.Because
			}
			h.Skipped[container][d.Field] = reason
		}
	}
}

// told returns what the webhook told of a pod.
func told(t *testing.T, annotation any, skipped string) hardening {
	t.Helper()
	h := hardening{map[string][]string{}, skippedIn(t, skipped), map[string][]string{}}
	if annotation == nil {
		return h
	}
	var record struct {
		Containers, WritablePaths map[string][]string
		Pod                       []string
	}
	if err := json.Unmarshal([]byte(annotation.(string)), &record); err != nil {
		t.Fatal(err)
	}
	for name, fields := range record.Containers {
		h.Injected[name] = fields
	}
	if len(record.Pod) > 0 {
		h.Injected[""] = record.Pod
	}
	for name, paths := range record.WritablePaths {
		h.WritablePaths[name] = paths
	}
	return h
}

// The preview of the pods of the corpus says what the webhook then does: the same
// is injected, skipped for the same reasons, and mounted. The manifests that it
// writes become, without us, the pods that the webhook makes of the original ones,
// and are previewed as complete.
func TestPreviewIsWhatHappens(t *testing.T) {
	withOwnProfiles(t)
	for _, profile := range []string{"compatible", "hardened", "restricted", "everything"} {
		t.Run(profile, func(t *testing.T) {
			var pods []admission
			var managers []string
			var items []any
			var documents bytes.Buffer
			for _, a := range admitCorpus(t, profile) {
				if a.before == nil || a.err != nil { // TestCorpus tells of it
					continue
				}
				pods, managers = append(pods, a), append(managers, a.manager)
				// Without the namespace: the preview, too, excludes what is in kube-system,
				// while these are created elsewhere.
				items = append(items, newPod(a.Pod))
				document, err := yaml.Marshal(newPod(a.Pod))
				if err != nil {
					t.Fatal(err)
				}
				documents.WriteString("---\n")
				documents.Write(document)
			}
			list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
			if err != nil {
				t.Fatal(err)
			}
			asJSON, asYAML := writeFile(t, "list.json", list), writeFile(t, "pods.yaml", documents.Bytes())
			checkReport(t, profile, pods, managers, runPreview(t, 2, "-f", asJSON, "-o", "json", "--profile", profile, "--exit-code"))

			hardenedList := runPreview(t, 0, "-f", asJSON, "-o", "yaml", "--profile", profile)
			runPreview(t, 0, "-f", writeFile(t, "hardened.json", hardenedList), "-o", "json", "--profile", profile, "--exit-code")
			object, err := toMap(hardenedList)
			if err != nil {
				t.Fatal(err)
			}
			fromList, _ := object["items"].([]any)

			hardened := runPreview(t, 0, "-f", asYAML, "-o", "yaml", "--profile", profile)
			runPreview(t, 0, "-f", writeFile(t, "hardened.yaml", hardened), "-o", "json", "--profile", profile, "--exit-code")
			fromYAML := readDocuments(t, hardened)
			if len(fromYAML) != len(pods) || len(fromList) != len(pods) {
				t.Fatalf("the preview writes %d documents and %d items for %d pods", len(fromYAML), len(fromList), len(pods))
			}

			plain := newNamespace(t, nil)
			eachInParallel(len(pods), func(i int) {
				// Both forms are the same object, so that one of them is enough for the API
				// server.
				if y, j := normalised(t, fromYAML[i]), normalised(t, fromList[i]); !reflect.DeepEqual(y, j) {
					t.Errorf("%s: the preview writes other YAML than JSON (-YAML +JSON):\n%s", pods[i].Source, cmp.Diff(y, j))
				}
				made, err := submit(t.Context(), plain, fromYAML[i], dryRun(""))
				if err != nil {
					t.Errorf("%s: what the preview writes is refused: %v", pods[i].Source, err)
					return
				}
				if want, got := pods[i].after["spec"], made["spec"]; !reflect.DeepEqual(want, got) {
					t.Errorf("%s: spec (-webhook +preview):\n%s", pods[i].Source, cmp.Diff(want, got))
				}
			})
		})
	}
}

// checkReport compares the report with the annotations of the pods and of their
// events in the audit log.
func checkReport(t *testing.T, profile string, pods []admission, managers []string, data []byte) {
	t.Helper()
	var report previewReport
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Workloads) != len(pods) {
		t.Fatalf("the report has %d workloads for %d pods", len(report.Workloads), len(pods))
	}
	events := allAuditAnnotations(t, managers...)
	skips, mirrors := 0, 0
	for i, w := range report.Workloads {
		a := pods[i]
		got := hardening{map[string][]string{}, map[string]map[string]string{}, map[string][]string{}}
		got.add("", w.Pod)
		for _, c := range w.Containers {
			got.add(c.Name, c.Decisions)
			if len(c.WritablePaths) > 0 {
				got.WritablePaths[c.Name] = c.WritablePaths
			}
		}
		if _, mirror := annotations(a.after)["kubernetes.io/config.mirror"]; mirror != (w.Excluded != "") {
			t.Errorf("%s: a mirror pod: %v, and the preview excludes it: %q", a.Source, mirror, w.Excluded)
		} else if mirror {
			mirrors++
		}
		if changed := len(got.Injected) > 0; w.Changed != changed {
			t.Errorf("%s: changed: %v, and by its decisions %v", a.Source, w.Changed, changed)
		}
		event := events[a.manager]
		want := told(t, annotations(a.after)["caseharden.io/injected"], event["enforce-"+profile+".caseharden.io/skipped"])
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: (-webhook +preview):\n%s", a.Source, cmp.Diff(want, got))
		}
		if injected, _ := annotations(a.after)["caseharden.io/injected"].(string); injected != event["enforce-"+profile+".caseharden.io/injected"] {
			t.Errorf("%s: the pod says %s, and the audit log %s", a.Source, injected, event["enforce-"+profile+".caseharden.io/injected"])
		}
		if len(got.Skipped) > 0 {
			skips++
		}
	}
	t.Logf("%d pods, something is skipped in %d of them, and %d are mirror pods", len(pods), skips, mirrors)
	if skips == 0 {
		t.Error("nothing is skipped: the reasons are not tested")
	}
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readDocuments reads objects from YAML, as the API machinery does.
func readDocuments(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var objects []map[string]any
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
}

// normalised returns an object with numbers as JSON has them.
func normalised(t *testing.T, object any) map[string]any {
	data, err := json.Marshal(object)
	if err != nil {
		t.Error(err)
	}
	same, err := toMap(data)
	if err != nil {
		t.Error(err)
	}
	return same
}
