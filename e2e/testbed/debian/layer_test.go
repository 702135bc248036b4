// SPDX-License-Identifier: Apache-2.0

//go:build linux

package debian

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A layer says of each file what the file system says: owner, mode, links, what is deleted,
// and file capabilities.
func TestWriteLayer(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to other users and capabilities to them")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	capability := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} // cap_net_bind_service=ep
	if err := errors.Join(
		os.Mkdir(at("dir"), 0o755),
		os.WriteFile(at("dir/program"), []byte("#!/bin/sh\n"), 0o600),
		os.Chmod(at("dir/program"), 0o755|os.ModeSetuid),
		os.Lchown(at("dir/program"), 101, 102),
		os.Chmod(at("dir/program"), 0o755|os.ModeSetuid),
		unix.Setxattr(at("dir/program"), "security.capability", capability, 0),
		os.Link(at("dir/program"), at("other-name")),
		os.Symlink("dir/program", at("link")),
		unix.Mknod(at("deleted"), unix.S_IFCHR, 0),
	); err != nil {
		t.Fatal(err)
	}
	layer, err := writeLayer(dir, filepath.Join(t.TempDir(), "layer.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(layer.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != layer.Size {
		t.Errorf("size %d, want that of the file (%v)", layer.Size, err)
	}
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%c %s %d:%d %04o %s %x", h.Typeflag, h.Name, h.Uid, h.Gid, h.Mode, h.Linkname, h.PAXRecords["SCHILY.xattr.security.capability"]))
	}
	want := []string{
		"0 .wh.deleted 0:0 0644  ",
		"5 dir/ 0:0 0755  ",
		fmt.Sprintf("0 dir/program 101:102 4755  %x", capability),
		"2 link 0:0 0777 dir/program ",
		fmt.Sprintf("1 other-name 101:102 4755 dir/program %x", capability),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// The same recipe has the same place in the cache, and another one another.
func TestKey(t *testing.T) {
	t.Parallel()
	recipe := Recipe{Packages: []string{"redis-server"}, Image: Config{User: "redis"}}
	other := recipe
	other.Image.User = "root"
	same := Recipe{Packages: []string{"redis-server"}, Image: Config{User: "redis"}}
	if key("a", recipe) != key("a", same) || key("a", recipe) == key("a", other) || key("a", recipe) == key("b", recipe) {
		t.Error("keys do not tell recipes apart")
	}
}
