// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// archive returns a tar file of these headers. A regular file without a size has the content.
func archive(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := f.Header
		if h.Typeflag == tar.TypeReg || h.Typeflag == 0 {
			h.Size = int64(len(f.content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type file struct {
	tar.Header
	content string
}

func regular(name string, mode int64, content string) file {
	return file{Header: tar.Header{Name: name, Mode: mode}, content: content}
}

const netBindService = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func sample(t testing.TB) []byte {
	script := "#! /bin/sh -e\nexec \"$@\"\n"
	capable := regular("usr/bin/server", 0o755, "\x7fELF")
	capable.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": netBindService}
	owned := regular("var/lib/db/data", 0o600, strings.Repeat("\x00", 5000))
	owned.Uid, owned.Gid = 999, 998
	return archive(t,
		file{Header: tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}},
		file{Header: tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o121777}}, // with the type of a link, which does not count
		regular("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\n"),
		regular("/entry.sh", 0o755, script),
		regular("../usr/share/doc/x.sh", 0o644, script),
		capable,
		regular("usr/bin/su", 0o4755, ""),
		owned,
		file{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "bin", Linkname: "usr/bin", Mode: 0o777}},
		file{Header: tar.Header{Typeflag: tar.TypeLink, Name: "usr/bin/again", Linkname: "./usr/bin/server"}},
		file{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "run/pipe", Mode: 0o600, Gid: 5}},
		file{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax", PAXRecords: map[string]string{"comment": "x"}}},
		regular("srv/.wh.gone", 0, ""),
		regular("cache/.wh..wh..opq", 0, ""),
		regular(".wh..wh.plnk/x", 0, ""),
	)
}

func entries(i *Index) []Entry { return slices.Collect(i.Entries()) }

func TestRead(t *testing.T) {
	index, err := Read(t.Context(), bytes.NewReader(sample(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	script := "#! /bin/sh -e\nexec \"$@\"\n"
	want := []Entry{
		{Path: "", Mode: fs.ModeDir | 0o755},
		{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "etc/passwd", Mode: 0o644, Size: 22, Content: "root:x:0:0::/:/bin/sh\n", HasContent: true},
		{Path: "entry.sh", Mode: 0o755, Size: 24, Interpreter: "/bin/sh", Content: script, HasContent: true},
		{Path: "usr/share/doc/x.sh", Mode: 0o644, Size: 24, Interpreter: "/bin/sh", Content: script, HasContent: true},
		{Path: "usr/bin/server", Mode: 0o755, Size: 4, Capability: netBindService, Content: "\x7fELF", HasContent: true},
		{Path: "usr/bin/su", Mode: fs.ModeSetuid | 0o755, HasContent: true},
		{Path: "var/lib/db/data", Mode: 0o600, UID: 999, GID: 998, Size: 5000},
		{Path: "bin", Mode: fs.ModeSymlink | 0o777, Link: "usr/bin"},
		{Kind: HardLink, Path: "usr/bin/again", Mode: fs.ModeSymlink | 0o777, Link: "usr/bin/server"},
		{Path: "run/pipe", Mode: fs.ModeNamedPipe | 0o600, GID: 5},
		{Kind: Whiteout, Path: "srv/gone", Mode: fs.ModeNamedPipe | 0o600, GID: 5},
		{Kind: Opaque, Path: "cache", Mode: fs.ModeNamedPipe | 0o600, GID: 5},
	}
	if diff := cmp.Diff(want, entries(index)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if index.Len() != len(want) {
		t.Errorf("Len() = %d, want %d", index.Len(), len(want))
	}
}

// A layer is the same with every compression, also in several members or frames.
func TestCompressions(t *testing.T) {
	plain := sample(t)
	want, err := Read(t.Context(), bytes.NewReader(plain), nil)
	if err != nil {
		t.Fatal(err)
	}
	var zipped, frames bytes.Buffer
	for _, part := range [][]byte{plain[:700], plain[700:]} {
		g := gzip.NewWriter(&zipped)
		g.Write(part)
		g.Close()
		z, err := zstd.NewWriter(&frames)
		if err != nil {
			t.Fatal(err)
		}
		z.Write(part)
		z.Close()
	}
	skippable := append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"), frames.Bytes()...) // as estargz and zstd:chunked have
	for name, data := range map[string][]byte{"gzip": zipped.Bytes(), "zstd": frames.Bytes(), "zstd with a frame to skip": skippable} {
		var unpacked bytes.Buffer
		got, err := Read(t.Context(), bytes.NewReader(data), &unpacked)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(entries(want), entries(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !bytes.Equal(unpacked.Bytes(), plain) {
			t.Errorf("%s: the tar file was not passed on", name)
		}
	}
}

// Read reads to the end, which the digest needs, also behind the end of the tar file.
func TestReadsAll(t *testing.T) {
	r := bytes.NewReader(append(sample(t), make([]byte, 100_000)...))
	if _, err := Read(t.Context(), r, nil); err != nil || r.Len() != 0 {
		t.Errorf("%d bytes are left, error %v", r.Len(), err)
	}
}

func TestRefused(t *testing.T) {
	many := limits{entries: 10, unpacked: 1 << 20, index: 1 << 20}
	var zeros bytes.Buffer
	g := gzip.NewWriter(&zeros)
	io.CopyN(g, zero{}, 10<<20)
	g.Close()
	var eleven []file
	for i := range 11 {
		eleven = append(eleven, regular(fmt.Sprint(i), 0o644, ""))
	}
	owner := file{Header: tar.Header{Name: "x", Uid: 1 << 40, Format: tar.FormatGNU}}
	for name, c := range map[string]struct {
		data []byte
		most limits
		want string
	}{
		"bomb":               {zeros.Bytes(), many, "unpacks to more than 1 MiB"},
		"many files":         {archive(t, eleven...), many, `"10": the layer has more than 10 files`},
		"long index":         {archive(t, regular(strings.Repeat("a/", 100), 0o644, "")), limits{10, 1 << 20, 10}, "names, links, scripts and settings of the layer"},
		"long path":          {archive(t, regular(strings.Repeat("a/", 3000)+"b", 0o644, "")), many, "a path or link of more than 4096 bytes"},
		"long name":          {archive(t, regular(strings.Repeat("a", 256), 0o644, "")), many, "a name of more than 255 bytes"},
		"long link":          {archive(t, file{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: strings.Repeat("a/", 3000)}}), many, "a path or link of more than"},
		"owner":              {archive(t, owner), many, `"x": owner 1099511627776:0: must be 0 to 4294967295`},
		"whiteout of nobody": {archive(t, regular("a/.wh...", 0, "")), many, "a whiteout of no file"},
		"no tar file":        {bytes.Repeat([]byte("x"), 1024), many, "not a tar file that can be read"},
		"cut off":            {sample(t)[:3200], many, "unexpected EOF"},
		"bzip2":              {[]byte("BZh91AY"), many, "compressed with bzip2 or xz"},
		"escape":             {archive(t, regular("\x1b[2J/.wh...", 0, "")), many, `"\x1b[2J/.wh..."`},
	} {
		_, err := read(t.Context(), bytes.NewReader(c.data), nil, c.most)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// zstd may not ask for more memory than a window of 32 MiB.
func TestWindow(t *testing.T) {
	frame := []byte("\x28\xb5\x2f\xfd\x00\x80\x01\x00\x00") // a window of 64 MiB, and an empty block
	_, err := Read(t.Context(), bytes.NewReader(frame), nil)
	if !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, bytes.NewReader(sample(t)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The errors of the reader itself come through, also through decompression.
func TestReaderError(t *testing.T) {
	broken := errors.New("broken")
	var zipped bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(sample(t))
	g.Close()
	for _, data := range [][]byte{sample(t), zipped.Bytes()} {
		r := io.MultiReader(bytes.NewReader(data[:len(data)/2]), failing{broken})
		if _, err := Read(t.Context(), r, nil); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }
