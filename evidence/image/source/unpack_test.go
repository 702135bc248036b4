// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A few bytes that unpack to a lot fill no disk.
func TestUnpackEnds(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(make([]byte, 2<<20))
	w.Close()
	name := filepath.Join(t.TempDir(), "bomb.tar.gz")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for limit, want := range map[int64]string{1 << 20: "unpacks to more than 1 MiB", 2 << 20: ""} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := unpack(f, limit)
		switch {
		case err == nil && want != "", err != nil && (want == "" || !strings.Contains(err.Error(), want)):
			t.Errorf("limit %d: %v, want %q", limit, err, want)
		case err == nil:
			unpacked.Close()
			os.Remove(unpacked.Name())
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("limit %d: files are left: %v, %v", limit, left, err)
		}
	}
}
