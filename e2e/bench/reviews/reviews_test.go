// SPDX-License-Identifier: Apache-2.0

package reviews

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestKinds demands that each review is what its name says.
func TestKinds(t *testing.T) {
	kinds, err := Kinds("")
	if err != nil {
		t.Fatal(err)
	}
	type size struct{ least, most, containers int }
	want := map[string]size{
		"small": {1000, 3000, 1}, "typical": {5000, 6000, 1}, "hardened": {5000, 7000, 1}, "100 kB": {98_000, 105_000, 1},
		"1 MiB": {1 << 20, 1<<20 + 60_000, 1}, "3 containers": {8000, 15_000, 3}, "300 containers": {800_000, 1_000_000, 300},
	}
	if len(kinds) != len(want) {
		t.Errorf("there are %d kinds, want %d", len(kinds), len(want))
	}
	for _, k := range kinds {
		var review admissionv1.AdmissionReview
		if err := json.Unmarshal(k.Bodies[0], &review); err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
			t.Fatal(err)
		}
		w := want[k.Name]
		if n := len(k.Bodies[0]); n < w.least || n > w.most || len(pod.Spec.Containers) != w.containers {
			t.Errorf("%q has %d bytes and %d containers, want %+v", k.Name, n, len(pod.Spec.Containers), w)
		}
	}
}

// TestPods demands errors that name the file and the object in it.
func TestPods(t *testing.T) {
	for text, want := range map[string]string{
		`{"source":"a","pod":{"spec":{}}}` + "\n" + `{"pod":{}}`: "",
		"":                                "object 1 must be",
		`{"pod":{}}` + "\n" + `{"x":"a"}`: "object 2 must be",
		`{"pod":null}`:                    "object 1 must be",
		`{"pod":{}}` + "\npod":            "object 2 must be",
	} {
		file := filepath.Join(t.TempDir(), "pods.gz")
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil || os.WriteFile(file, zipped.Bytes(), 0o600) != nil {
			t.Fatal("cannot write a corpus")
		}
		pods, err := Pods(file)
		if want == "" && (err != nil || len(pods) != 2) {
			t.Errorf("%s: %d Pods, error %v, want 2", text, len(pods), err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), file+": "+want)) {
			t.Errorf("%s: error %v, want the file and %q", text, err, want)
		}
	}
}
