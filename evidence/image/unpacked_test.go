// SPDX-License-Identifier: Apache-2.0

//go:build image && linux

package image

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image/layer"
)

// What is read of an image is what another tool unpacks: buildah makes an image of this
// machine's own files and of hard cases, in several layers. It unpacks the image in a store of
// its own, from all registry formats and compressions. It needs root.
func TestUnpacked(t *testing.T) {
	builder := buildah{t: t, store: t.TempDir()}
	base := builder.from("scratch", func(root string) {
		sh(t, root, `
mkdir -p usr var/lib/db var/cache/app/deep/er srv/old/one srv/old/two tmp run
cp -a /etc /usr/sbin .; mv sbin usr/; ln -s usr/sbin sbin
printf 'app:x:101:102::/srv:/bin/sh\n' >> etc/passwd
chown -R 999:998 var/lib/db; chmod 700 var/lib/db; chmod 1777 tmp
printf '#!/bin/sh\nexec "$@"\n' > entry; chmod 755 entry
cp "$(command -v bash)" usr/sbin/server; cp usr/sbin/server usr/sbin/tool; chmod 4755 usr/sbin/tool
ln usr/sbin/server usr/sbin/server2
echo one > srv/old/one/x; echo two > srv/old/two/y; ln -s one srv/old/link; ln -s ../../../../etc/passwd srv/out
mkfifo run/pipe; mknod run/null c 1 3; mknod run/disk b 7 0
touch "$(printf 'srv/new\nline')" "$(printf 'srv/\033[2J')" srv/.hidden 'srv/ä' "$(printf 'srv/\377')"`)
		const netBindService = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		if err := syscall.Setxattr(filepath.Join(root, "usr/sbin/server"), "security.capability", []byte(netBindService), 0); err != nil {
			t.Fatal(err)
		}
	})
	changed := builder.from(base, func(root string) {
		sh(t, root, `
rm -r srv/old/one etc/default; rm usr/sbin/tool srv/old/link
rm -r var/cache/app; mkdir -p var/cache/app/deep; echo new > var/cache/app/deep/n; chown 5:6 var/cache/app
rm -r srv/old/two; ln -s /etc srv/old/two
rm sbin; mkdir sbin; echo x > sbin/x
chown 1:1 entry; chmod 700 etc; mv var/lib/db var/lib/db2
ln usr/sbin/server usr/sbin/server3; rm run/pipe; mkdir run/pipe`)
	})
	last := builder.from(changed, func(root string) {
		sh(t, root, `rm srv/old/two; mkdir srv/old/two; echo y > srv/old/two/y; rm -r usr/sbin/server3 var/lib/db2; mkdir -m 711 var/lib/db`)
	})
	for _, c := range []struct{ kind, transport, compression string }{
		{"oci", "oci:", "gzip"}, {"oci", "oci:", "zstd"}, {"oci", "oci:", "zstd:chunked"},
		{"oci-archive", "oci-archive:", "gzip"}, {"docker-archive", "docker-archive:", ""},
	} {
		t.Run(c.kind+" "+c.compression, func(t *testing.T) {
			// For buildah, a path is part of a name, and names are in lower case: TMPDIR may not be.
			dir, err := os.MkdirTemp("/tmp", "caseharden-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			where := filepath.Join(dir, "image")
			push := []string{"push", "-q"}
			if c.compression != "" {
				push = append(push, "--compression-format", c.compression)
			}
			target := c.transport + where
			if c.kind == "docker-archive" {
				target += ":docker.io/library/app:1"
			}
			builder.run(append(push, last, target)...)

			fresh := buildah{t: t, store: t.TempDir()}
			container := fresh.run("from", "-q", c.transport+where)
			want := walk(t, fresh.run("mount", container))
			got := read(t, Options{Local: map[string]string{"app:1": c.kind + ":" + where}}, "app:1")["app:1"]
			if got.err != nil {
				t.Fatal(got.err)
			}
			if diff := cmp.Diff(want, list(got.image.Files)); diff != "" {
				t.Errorf("files (-unpacked +read):\n%s", diff)
			}
			passwd, ok := got.image.Files.Content("/srv/out")
			if real, err := os.ReadFile("/etc/passwd"); err != nil || !ok || !bytes.HasPrefix(passwd, real) {
				t.Errorf("/srv/out leads to %q, %v", passwd, err)
			}
			if n := len(want); n < 300 {
				t.Errorf("only %d files are compared", n)
			}
		})
	}
}

// The same for the OCI archives that IMAGE_ARCHIVES names, which is a pattern such as
// /images/*.tar: real images, such as those of the applications in e2e.
func TestUnpackedArchives(t *testing.T) {
	archives, err := filepath.Glob(os.Getenv("IMAGE_ARCHIVES"))
	if err != nil {
		t.Fatal(err)
	}
	if len(archives) == 0 {
		t.Skip("IMAGE_ARCHIVES names none")
	}
	for _, archive := range archives {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			builder := buildah{t: t, store: t.TempDir()}
			want := walk(t, builder.run("mount", builder.run("from", "-q", "oci-archive:"+archive)))
			got := read(t, Options{Local: map[string]string{"app:1": "oci-archive:" + archive}}, "app:1")["app:1"]
			if got.err != nil {
				t.Fatal(got.err)
			}
			if diff := cmp.Diff(want, list(got.image.Files)); diff != "" {
				t.Errorf("files (-unpacked +read):\n%s", diff)
			}
			t.Logf("%d files", len(want))
		})
	}
}

// A buildah has a store of its own.
type buildah struct {
	t     *testing.T
	store string
}

func (b buildah) run(args ...string) string {
	b.t.Helper()
	all := append([]string{"--root", filepath.Join(b.store, "root"), "--runroot", filepath.Join(b.store, "run"), "--storage-driver", "vfs"}, args...)
	cmd := exec.Command("buildah", all...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("buildah %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// from makes an image of another and of what change does in its root, as one layer more.
func (b buildah) from(image string, change func(root string)) (id string) {
	b.t.Helper()
	container := b.run("from", "-q", image)
	change(b.run("mount", container))
	return b.run("commit", "-q", "--rm", container)
}

func sh(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func line(f evidence.File) string {
	s := fmt.Sprintf("%v %d:%d", f.Mode, f.UID, f.GID)
	if c := f.Capabilities; c != nil {
		s += fmt.Sprintf(" %+v", *c)
	}
	return s + " " + f.Link
}

// walk returns what is below a directory of this machine.
func walk(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		f := evidence.File{Mode: info.Mode(), UID: int64(stat.Uid), GID: int64(stat.Gid)}
		if info.Mode()&fs.ModeSymlink != 0 {
			if f.Link, err = os.Readlink(name); err != nil {
				return err
			}
		}
		buffer := make([]byte, 100)
		if n, err := syscall.Getxattr(name, "security.capability", buffer); err == nil && info.Mode().IsRegular() {
			f.Capabilities = layer.Capabilities(string(buffer[:n]))
		}
		all[strings.TrimPrefix(strings.TrimPrefix(name, root), "/")] = line(f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(all, "")
	return all
}

// list returns what is in an image.
func list(files evidence.Files) map[string]string {
	all := map[string]string{}
	var visit func(name string)
	visit = func(name string) {
		f, ok := files.Stat(name)
		if !ok {
			all[name] = "missing"
			return
		}
		all[strings.TrimPrefix(name, "/")] = line(f)
		if f.Mode.IsDir() {
			for _, child := range slices.Clone(files.Children(name)) {
				visit(filepath.Join(name, child))
			}
		}
	}
	visit("/")
	delete(all, "") // no layer has it, and tools differ
	return all
}
