// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"bytes"
	"compress/gzip"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// Whatever a layer is, reading it ends with an index that can be kept, or with an error. All
// paths are clean and below the root.
func FuzzRead(f *testing.F) {
	plain := sample(f)
	f.Add(plain)
	var zipped bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(plain)
	g.Close()
	f.Add(zipped.Bytes())
	z, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(z.EncodeAll(plain, nil))
	f.Add(archive(f, regular("../../etc/passwd", 0o644, "x"), regular("a/.wh..wh..opq", 0, ""), regular("a/.wh...", 0, "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := read(t.Context(), bytes.NewReader(data), nil, limits{entries: 1000, unpacked: 16 << 20, index: 1 << 20})
		if err != nil {
			return
		}
		for e := range index.Entries() {
			if path.Clean("/"+e.Path) != "/"+e.Path {
				t.Errorf("path %q", e.Path)
			}
			if e.Kind == HardLink && strings.HasPrefix(path.Clean(e.Link), "..") {
				t.Errorf("hard link to %q", e.Link)
			}
		}
		kept, err := index.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Unmarshal(kept)
		if err != nil {
			t.Fatalf("what was read cannot be kept: %v", err)
		}
		if diff := cmp.Diff(entries(index), entries(again)); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
}
