// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// GNU patch and git apply make of the manifests, by -o diff, what -o yaml writes, whatever
// the files are called and however they are written.
func TestPatchAndGitTakeTheDiff(t *testing.T) {
	files := diffCases(t)
	for tool, command := range map[string][]string{
		"patch": {"patch", "-p1", "--fuzz=0"},
		"git":   {"git", "apply", "-"},
	} {
		t.Run(tool, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var inputs []manifest.Input
			want := map[string]string{}
			for name, text := range files {
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				in := manifest.Input{Name: name, Data: []byte(text)}
				inputs = append(inputs, in)
				want[name] = written(t, preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{in}, preview.Options{}), "yaml")
				if want[name] == text {
					t.Errorf("%s: nothing changes", name)
				}
			}
			diff := written(t, preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{}), "diff")
			run := exec.Command(command[0], command[1:]...)
			run.Stdin = strings.NewReader(diff)
			output, err := run.CombinedOutput()
			if err != nil || strings.Contains(string(output), "offset") || strings.Contains(string(output), "fuzz") {
				t.Fatalf("%s: %v\n%s\n%s", tool, err, output, diff)
			}
			got := map[string]string{}
			for name := range files {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				got[name] = string(text)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("what %s makes (-want +got):\n%s", tool, diff)
			}
		})
	}
}

// diffCases returns files by name.
func diffCases(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	add := func(name, text string) {
		files[name+".yaml"] = text
		files[name+", CRLF.yaml"] = strings.ReplaceAll(text, "\n", "\r\n")
		files[name+", cut.yaml"] = strings.TrimRight(text, "\n")
	}
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: i\n"
	add("plain", pod)
	add("dir with  spaces/a b", pod)
	add("ends in a space ", pod)
	add("ünïcode", pod)
	add("a\tb", pod)
	add("ü \"quoted\" \\", pod)
	add("mark", "\ufeff"+pod)
	add("flow", "{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, image: i}]}}\n")
	add("empty", pod+"    securityContext: {}\n    env:\n    - name: a\n")
	for between := range 10 {
		add(fmt.Sprintf("apart %d", between), strings.Repeat("---\n"+pod+strings.Repeat("# c\n", between), 4))
	}
	list := map[string]any{"apiVersion": "v1", "kind": "List"}
	for range 3 {
		var object any
		if err := k8syaml.Unmarshal([]byte(pod), &object); err != nil {
			t.Fatal(err)
		}
		items, _ := list["items"].([]any)
		list["items"] = append(items, object)
	}
	compact, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	add("compact", string(compact)+"\n")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "    "); err != nil {
		t.Fatal(err)
	}
	add("pretty", pretty.String()+"\n")
	if names := slices.Collect(maps.Keys(files)); len(names) != 3*21 {
		t.Fatalf("%d files", len(names))
	}
	return files
}
