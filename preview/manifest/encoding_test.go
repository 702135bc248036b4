// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/render"
)

// Bytes that are no text are an error with their line, and nothing of the file is used.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: i}]}\n"
	utf16 := encodings(pod)
	for name, tt := range map[string]struct{ data, want string }{
		"Latin 1":                     {pod + "# caf\xe9\n", "x:4: is no text: the byte 0xe9 is not UTF-8 here"},
		"UTF-8, cut":                  {pod + "\n# \xe2\x82", "x:5: is no text: the byte 0xe2 is not UTF-8 here"},
		"a NUL":                       {pod + "\x00", "x:4: is no text: it has a NUL byte; UTF-16 must begin with a byte order mark"},
		"UTF-16 without a mark":       {string(utf16["UTF-16LE"][2:]), "x:1: is no text: it has a NUL byte; UTF-16 must begin with a byte order mark"},
		"UTF-16, cut":                 {string(utf16["UTF-16LE"]) + "a", "x:4: is no text: its byte order mark says UTF-16, which it is not up to its end"},
		"UTF-16, half of a character": {string(utf16["UTF-16BE"]) + "\xd8\x3d\x00a", "x:4: is no text: its byte order mark says UTF-16, which it is not up to its end"},
		"UTF-16, one byte":            {"\xff\xfea", "x:1: is no text: its byte order mark says UTF-16, which it is not up to its end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(tt.data)}}, preview.Options{})
			if len(p.Errors) != 1 || p.Errors[0].Error() != tt.want || p.Summary.Objects != 0 {
				t.Errorf("errors %v, want %q; %d objects", p.Errors, tt.want, p.Summary.Objects)
			}
			if got := written(t, p, "yaml"); got != "" {
				t.Errorf("-o yaml writes %q", got)
			}
		})
	}
}

// A file of UTF-16 comes out of -o yaml as the same in UTF-8; a diff of it could not
// be applied.
func TestOutputsOfUTF16(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\r\nkind: Pod\r\nmetadata: {name: é😀}\r\nspec: {containers: [{name: c, image: i}]}\r\n"
	for _, encoding := range []string{"UTF-16LE", "UTF-16BE"} {
		as8 := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(pod)}}, preview.Options{})
		as16 := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: encodings(strings.ReplaceAll(pod, "\r\n", "\n"))[encoding]}}, preview.Options{})
		for _, output := range []string{"table", "json", "yaml", "html"} {
			if diff := gocmp.Diff(written(t, as8, output), written(t, as16, output)); diff != "" {
				t.Errorf("%s, -o %s (-UTF-8 +UTF-16):\n%s", encoding, output, diff)
			}
		}
		const want = "x: is UTF-16, and a diff of it could not be applied: convert it to UTF-8 first, or use -o yaml"
		var diff strings.Builder
		if err := render.Write(&diff, as16, "diff", render.Style{}); diff.String() != "" || err == nil || err.Error() != want {
			t.Errorf("%s: diff %q, error %v", encoding, diff.String(), err)
		}
	}
}
