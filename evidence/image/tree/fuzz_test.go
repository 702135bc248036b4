// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"path"
	"testing"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

// Whatever two layers hold, applying them ends, and no path leads out of the root or to
// something without a file.
func FuzzApply(f *testing.F) {
	for _, lines := range []string{
		"d a 0755 0:0\nl b a\nf b/c\nh d b/c",
		"f .wh.a\nf b/.wh..wh..opq\nl a ../../b\nf a/a/a",
		"l a b\nl b a\nh a b\nf a/b/c",
	} {
		data, err := read(f, lines).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, data)
	}
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		tree := New()
		for _, data := range [][]byte{lower, upper} {
			index, err := layer.Unmarshal(data)
			if err != nil {
				return
			}
			if err := tree.Apply(t.Context(), "sha256:x", index); err != nil {
				return
			}
		}
		files := 1
		var visit func(dir string)
		visit = func(dir string) {
			for _, name := range tree.Children(dir) {
				files++
				at := path.Join(dir, name)
				if name == "" || name == "." || name == ".." {
					t.Fatalf("name %q in %q", name, dir)
				}
				file, ok := tree.Stat(at)
				if !ok {
					t.Fatalf("%q has no file", at)
				}
				tree.Content(at)
				if file.Mode.IsDir() {
					visit(at)
				}
			}
		}
		visit("/")
		if files != tree.files {
			t.Errorf("%d files are there, and %d are counted", files, tree.files)
		}
	})
}
