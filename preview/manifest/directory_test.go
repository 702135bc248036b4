// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// A directory is read as far as it goes, whatever links in it lead to, and a file is read
// once.
func TestReadInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"outside/secret.yaml": "token", "in/pod.yaml": "pod", "in/z/more.json": "more", "in/other.txt": "text",
		"repo/web.yaml": "web", "repo/chart/Chart.yaml": "chart", "repo/chart/templates/t.yaml": "{{ template }}"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"in/a-link.yaml":       "pod.yaml",
		"in/b-out.json":        "../outside/secret.yaml",
		"in/c-absolute.yaml":   filepath.Join(dir, "outside/secret.yaml"),
		"in/d-none.yaml":       "nothing.yaml",
		"in/e-absolute.yaml":   filepath.Join(dir, "in/other.txt"),
		"in/f-dir.yaml":        "z",
		"in/g-device.yaml":     "/dev/zero",
		"in/y-out":             "../outside",
		"in/z/none.yaml":       "nothing.yaml",
		"in/z/through-out.yml": "../y-out/secret.yaml",
		"link":                 "in",
		"link.yaml":            "in/z/more.json",
	} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		paths      []string
		want, errs []string
	}{
		"a directory": {[]string{"in"}, []string{"in/e-absolute.yaml text", "in/pod.yaml pod", "in/z/more.json more"}, []string{
			"in/b-out.json: is a link to a file outside in: preview the file with -f outside/secret.yaml",
			"in/c-absolute.yaml: is a link to a file outside in: preview the file with -f outside/secret.yaml",
			"in/d-none.yaml: no such file or directory",
			"in/f-dir.yaml: is no regular file",
			"in/g-device.yaml: is a link to a file outside in: preview the file with -f /dev/zero",
			"in/z/none.yaml: no such file or directory",
			"in/z/through-out.yml: is a link to a file outside in: preview the file with -f outside/secret.yaml",
		}},
		"a link to a directory": {[]string{"link/z"}, []string{"link/z/more.json more"}, []string{
			"link/z/none.yaml: no such file or directory",
			"link/z/through-out.yml: is a link to a file outside link/z: preview the file with -f outside/secret.yaml",
		}},
		"a directory with a Helm chart": {[]string{"repo"}, []string{"repo/web.yaml web"}, []string{
			"repo/chart: is a Helm chart: preview what it renders: helm template NAME repo/chart | caseharden preview -f -",
		}},
		"a link to a file":     {[]string{"link.yaml"}, []string{"link.yaml more"}, nil},
		"a file and its link":  {[]string{"in/pod.yaml", "in/a-link.yaml", "./in/pod.yaml"}, []string{"in/pod.yaml pod"}, nil},
		"a link and its file":  {[]string{"link.yaml", "link/z/more.json"}, []string{"link.yaml more"}, nil},
		"a file that is named": {[]string{"outside/secret.yaml"}, []string{"outside/secret.yaml token"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var paths, got, gotErrs []string
			for _, p := range tt.paths {
				paths = append(paths, filepath.Join(dir, p))
			}
			inputs, errs := ReadInputs(paths, strings.NewReader(""))
			short := func(text string) string { return strings.ReplaceAll(text, dir+"/", "") }
			for _, in := range inputs {
				got = append(got, short(in.Name)+" "+string(in.Data))
			}
			for _, err := range errs {
				gotErrs = append(gotErrs, short(err.Error()))
			}
			if diff := gocmp.Diff([2][]string{tt.want, tt.errs}, [2][]string{got, gotErrs}); diff != "" {
				t.Errorf("inputs and errors (-want +got):\n%s", diff)
			}
		})
	}
}

// A file that does not end, or is too large, is an error, and the rest is read.
func TestInputsHaveALimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large, small := filepath.Join(dir, "large.yaml"), filepath.Join(dir, "small.yaml")
	if err := errors.Join(os.WriteFile(large, nil, 0o644), os.Truncate(large, maxInputBytes+1), os.WriteFile(small, []byte("a"), 0o644)); err != nil {
		t.Fatal(err)
	}
	inputs, errs := ReadInputs([]string{large, small}, nil)
	if len(inputs) != 1 || inputs[0].Name != small || len(errs) != 1 || errs[0].Message != errTooLarge.Error() {
		t.Errorf("inputs %v, errors %v", inputs, errs)
	}
	r := reader{stdin: endless{}, left: 1 << 20, seen: map[string]bool{}}
	r.path(Stdin)
	r.path(small)
	if len(r.inputs) != 1 || len(r.errs) != 1 || r.left != 1<<20-1 {
		t.Errorf("%d inputs, errors %v, %d bytes left", len(r.inputs), r.errs, r.left)
	}
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
