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
	want := map[string]struct{ least, most, containers int }{
		"small": {1000, 3000, 1}, "typical": {5000, 6000, 1}, "hardened": {5000, 7000, 1},
		"100 kB": {98_000, 105_000, 1}, "1 MiB": {1 << 20, 1<<20 + 60_000, 1},
		"3 containers": {8000, 15_000, 3}, "30 containers": {80_000, 100_000, 30}, "300 containers": {800_000, 1_000_000, 300},
	}
	for _, k := range kinds {
		w, found := want[k.Name]
		if !found {
			t.Errorf("%q is not expected", k.Name)
			continue
		}
		delete(want, k.Name)
		for _, body := range k.Bodies {
			var review admissionv1.AdmissionReview
			var pod corev1.Pod
			if err := json.Unmarshal(body, &review); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
				t.Fatal(err)
			}
			if len(body) < w.least || len(body) > w.most || len(pod.Spec.Containers) != w.containers {
				t.Errorf("%q has %d bytes and %d containers, want %d to %d and %d", k.Name, len(body), len(pod.Spec.Containers), w.least, w.most, w.containers)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing are %v", want)
	}
}

// TestPods demands that what is wrong with a corpus is said of it, and not of what is
// measured with it.
func TestPods(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"source":"a","pod":{"spec":{}}}` + "\n" + `{"pod":{}}`, ""},
		{"", "holds no pod"},
		{`{"pod":{}}` + "\n" + `{"source":"a"}`, `line 2: there must be a pod`},
		{`{"pod":null}`, `line 1: there must be a pod`},
		{`{"pod":{}}` + "\npod", "line 2: invalid character"},
	} {
		file := filepath.Join(t.TempDir(), "pods.gz")
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write([]byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, zipped.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		pods, err := Pods(file)
		switch {
		case tt.want == "" && (err != nil || len(pods) != 2):
			t.Errorf("%s: %d pods and error %v, want 2 and none", tt.text, len(pods), err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: error %v, want one with the file and %q", tt.text, err, tt.want)
		}
	}
}
