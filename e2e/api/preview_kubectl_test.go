// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// buildKubectl returns the path of a kubectl.
func buildKubectl(t *testing.T) string {
	t.Helper()
	kubectl, err := controlplane.BuildKubectl(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return kubectl
}

// A preview finds the pods in a file that kubectl finds, wherever documents begin and end.
func TestPreviewReadsWhatKubectlReads(t *testing.T) {
	kubectl := buildKubectl(t)
	pod := func(name string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec: {containers: [{name: c, image: i}]}\n"
	}
	object := func(name string) string {
		return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `"},"spec":{"containers":[{"name":"c","image":"i"}]}}`
	}
	for name, text := range map[string]string{
		"two":                     pod("a") + "---\n" + pod("b"),
		"a comment last":          "---\n" + pod("a") + "---\n# c\n#\n",
		"a separator last":        pod("a") + "---",
		"ends":                    pod("a") + "...\n---\n" + pod("b") + "...\n",
		"nulls":                   "null\n---\n" + pod("a") + "---\n~\n---\n" + pod("b") + "---\nnull",
		"JSON":                    object("a") + object("b") + "\n" + object("c"),
		"JSON and a separator":    object("a") + "\n---\n",
		"JSON between separators": object("a") + "\n---\n" + object("b") + "\n---\n" + pod("c"),
		"a list":                  `{"apiVersion":"v1","kind":"List","items":[` + object("a") + "," + object("b") + "]}",
		"a list of pods":          "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: c, image: i}]}\n",
	} {
		crlf := strings.ReplaceAll(text, "\n", "\r\n")
		var little bytes.Buffer
		for _, unit := range utf16.Encode([]rune("\ufeff" + crlf)) {
			little.Write([]byte{byte(unit), byte(unit >> 8)})
		}
		for encoding, data := range map[string][]byte{"LF": []byte(text), "CRLF": []byte(crlf), "a mark": []byte("\ufeff" + text), "UTF-16": little.Bytes()} {
			t.Run(name+" "+encoding, func(t *testing.T) {
				file := writeFile(t, "pods.yaml", data)
				command := exec.CommandContext(t.Context(), kubectl, "--kubeconfig", controlPlane.Kubeconfig(), "create", "--dry-run=client", "-o", "name", "-f", file)
				output, err := command.CombinedOutput()
				if err != nil {
					t.Fatalf("kubectl: %v\n%s", err, output)
				}
				var report previewReport
				if err := json.Unmarshal(runPreview(t, 0, "-f", file, "-o", "json"), &report); err != nil {
					t.Fatal(err)
				}
				var names []string
				for _, w := range report.Workloads {
					names = append(names, "pod/"+w.Name)
				}
				if diff := cmp.Diff(strings.Fields(string(output)), names); diff != "" {
					t.Errorf("pods (-kubectl +preview):\n%s", diff)
				}
			})
		}
	}
}

// With -k a preview is one of what kubectl makes of the kustomization: what the author set
// in the base stays, though the patch in the overlay does not have it.
func TestPreviewOfAKustomization(t *testing.T) {
	kubectl := buildKubectl(t)
	t.Setenv("PATH", filepath.Dir(kubectl))
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base/kustomization.yaml":    "resources: [db.yaml]\n",
		"base/db.yaml":               "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - name: db\n        image: registry.example.com/db:1\n        securityContext: {runAsUser: 0, readOnlyRootFilesystem: false}\n",
		"overlay/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
		"overlay/patch.yaml":         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\nspec:\n  template:\n    spec:\n      containers:\n      - name: db\n        resources: {limits: {memory: 1Gi}}\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay := filepath.Join(dir, "overlay")
	made, err := exec.CommandContext(t.Context(), kubectl, "kustomize", overlay).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := runPreview(t, 0, "-f", writeFile(t, "made.yaml", made), "-o", "yaml")
	if diff := cmp.Diff(string(want), string(runPreview(t, 0, "-k", overlay, "-o", "yaml"))); diff != "" {
		t.Errorf("manifests (-of what kubectl makes +with -k):\n%s", diff)
	}

	// The diff of the directory, applied, changes no value that the author set.
	diff := runPreview(t, 0, "-f", dir, "-o", "diff")
	if bytes.Contains(diff, []byte("patch.yaml")) || !bytes.Contains(diff, []byte("db.yaml")) {
		t.Errorf("the diff of the directory:\n%s", diff)
	}
	hardened := readDocuments(t, runPreview(t, 0, "-k", overlay, "-o", "yaml"))[0]
	spec := hardened["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	settings := spec["containers"].([]any)[0].(map[string]any)["securityContext"].(map[string]any)
	if settings["readOnlyRootFilesystem"] != false || settings["runAsUser"] == 10001.0 {
		t.Errorf("the author's settings have become %v", settings)
	}
}
