// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

// read makes a layer of lines such as
//
//	d dir 0755 1:2
//	f file 0644 0:0 content
//	l link target
//	h name of-file
func read(t testing.TB, lines string) *layer.Index {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		h := &tar.Header{Name: fields[1], Mode: 0o644}
		content := ""
		switch fields[0] {
		case "d", "f":
			h.Typeflag = map[string]byte{"d": tar.TypeDir, "f": tar.TypeReg}[fields[0]]
			if len(fields) > 2 {
				fmt.Sscanf(fields[2]+" "+fields[3], "%o %d:%d", &h.Mode, &h.Uid, &h.Gid)
			}
			if len(fields) > 4 {
				content = fields[4]
			}
			h.Size = int64(len(content))
		case "l":
			h.Typeflag, h.Linkname = tar.TypeSymlink, fields[2]
		case "h":
			h.Typeflag, h.Linkname = tar.TypeLink, fields[2]
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	index, err := layer.Read(t.Context(), &b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func build(t testing.TB, layers ...string) *Tree {
	t.Helper()
	tree := New()
	for i, lines := range layers {
		if err := tree.Apply(t.Context(), fmt.Sprintf("sha256:%d", i+1), read(t, lines)); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// list returns all that is in a tree, in a line each, with the number of the layer.
func list(t *Tree) []string {
	var all []string
	var visit func(dir string)
	visit = func(dir string) {
		for _, name := range t.Children(dir) {
			at := path.Join(dir, name)
			f, _ := t.Stat(at)
			line := fmt.Sprintf("%s %04o %d:%d %s", at, f.Mode.Perm(), f.UID, f.GID, strings.TrimPrefix(f.Layer, "sha256:"))
			if f.Link != "" {
				line = fmt.Sprintf("%s -> %s %s", at, f.Link, strings.TrimPrefix(f.Layer, "sha256:"))
			}
			all = append(all, line)
			if f.Mode.IsDir() {
				visit(at)
			}
		}
	}
	visit("/")
	return all
}

func TestLayers(t *testing.T) {
	for name, c := range map[string]struct {
		layers []string
		want   []string
	}{
		"a file takes the place of one below": {
			[]string{"f a 0600 5:5", "f a 0644 0:0"}, []string{"/a 0644 0:0 2"},
		},
		"a directory keeps what is in it, and changes its owner": {
			[]string{"d a 0755 0:0\nf a/b", "d a 0700 7:8"}, []string{"/a 0700 7:8 2", "/a/b 0644 0:0 1"},
		},
		"a file takes the place of a directory": {
			[]string{"d a 0755 0:0\nf a/b", "f a"}, []string{"/a 0644 0:0 2"},
		},
		"a directory takes the place of a link": {
			[]string{"d b 0755 0:0\nf b/x\nl a b", "d a 0755 0:0\nf a/y"},
			[]string{"/a 0755 0:0 2", "/a/y 0644 0:0 2", "/b 0755 0:0 1", "/b/x 0644 0:0 1"},
		},
		"a link among the parents is followed": {
			[]string{"d usr/lib 0755 0:0\nl lib usr/lib", "f lib/x"},
			[]string{"/lib -> usr/lib 1", "/usr 0755 0:0 1", "/usr/lib 0755 0:0 1", "/usr/lib/x 0644 0:0 2"},
		},
		"an absolute link is below the root": {
			[]string{"d b 0755 0:0\nl a /../../b", "f a/x"},
			[]string{"/a -> /../../b 1", "/b 0755 0:0 1", "/b/x 0644 0:0 2"},
		},
		"parents that are missing": {
			[]string{"f a/b/c 0644 3:3"}, []string{"/a 0755 0:0 1", "/a/b 0755 0:0 1", "/a/b/c 0644 3:3 1"},
		},
		"a whiteout": {
			[]string{"f a/b\nf a/c", "f a/.wh.b"}, []string{"/a 0755 0:0 1", "/a/c 0644 0:0 1"},
		},
		"a whiteout of a directory": {
			[]string{"f a/b/c", "f a/.wh.b"}, []string{"/a 0755 0:0 1"},
		},
		"a whiteout of what is not there": {
			[]string{"f a", "f x/.wh.b\nf .wh.c"}, []string{"/a 0644 0:0 1"},
		},
		"a whiteout spares its own layer": {
			[]string{"d a 0755 0:0\nf a/b\nf a/c", "f a/b 0600 1:1\nf a/.wh.b\nf .wh.a"},
			[]string{"/a 0755 0:0 1", "/a/b 0600 1:1 2"},
		},
		"an opaque directory": {
			[]string{"d a 0755 0:0\nf a/b\nf a/s/c", "d a 0700 9:9\nf a/.wh..wh..opq\nf a/new"},
			[]string{"/a 0700 9:9 2", "/a/new 0644 0:0 2"},
		},
		"an opaque directory, marked last": {
			[]string{"f a/b\nf a/s/c", "f a/new\nf a/s/new\nf a/.wh..wh..opq"},
			[]string{"/a 0755 0:0 1", "/a/new 0644 0:0 2", "/a/s 0755 0:0 1", "/a/s/new 0644 0:0 2"},
		},
		"an opaque root": {
			[]string{"f a\nf b/c", "f .wh..wh..opq\nf n"}, []string{"/n 0644 0:0 2"},
		},
		"a hard link": {
			[]string{"f a 0640 4:5 text\nh b a"}, []string{"/a 0640 4:5 1", "/b 0640 4:5 1"},
		},
		"a hard link to a lower layer": {
			[]string{"f a/x 0640 4:5\nl l a", "h b l/x\nf a/.wh.x"}, []string{"/a 0755 0:0 1", "/b 0640 4:5 1", "/l -> a 1"},
		},
		"a hard link to nothing, and to a directory": {
			[]string{"d d 0755 0:0\nh a x\nh b d"}, []string{"/d 0755 0:0 1"},
		},
		"links in a circle": {
			[]string{"l a b\nl b a\nf a/x"}, []string{"/a -> b 1", "/b -> a 1"},
		},
		"a link to nothing among the parents": {
			[]string{"l a b/c\nf a/x"}, []string{"/a -> b/c 1", "/b 0755 0:0 1", "/b/c 0755 0:0 1", "/b/c/x 0644 0:0 1"},
		},
		"a file among the parents": {
			[]string{"f a\nf a/b"}, []string{"/a 0644 0:0 1"},
		},
		"names that lead out": {
			[]string{"f ../../x\nf /y\nf a/../../z"}, []string{"/x 0644 0:0 1", "/y 0644 0:0 1", "/z 0644 0:0 1"},
		},
	} {
		if diff := cmp.Diff(c.want, list(build(t, c.layers...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFiles(t *testing.T) {
	tree := build(t, `
d etc 0750 3:4
f etc/passwd 0644 0:0 root:x:0:0
l p etc/passwd
l e /etc
l out ../../../etc
l deep e/../out/passwd
l self self
l empty x
d var 0755 0:0`)
	for at, want := range map[string]string{
		"/etc/passwd": "root:x:0:0", "/p": "root:x:0:0", "/e/passwd": "root:x:0:0", "/out/passwd": "root:x:0:0",
		"/deep": "root:x:0:0", "etc/passwd": "root:x:0:0", "/../etc/passwd": "root:x:0:0",
	} {
		if got, ok := tree.Content(at); !ok || string(got) != want {
			t.Errorf("Content(%q) = %q, %v", at, got, ok)
		}
	}
	for _, at := range []string{"/self", "/self/x", "/etc", "/none", "/etc/passwd/x"} {
		if got, ok := tree.Content(at); ok {
			t.Errorf("Content(%q) = %q, want none", at, got)
		}
	}
	if f, ok := tree.Stat("/e"); !ok || f.Mode&fs.ModeSymlink == 0 || f.Link != "/etc" {
		t.Errorf("Stat does not show the link: %+v", f)
	}
	if f, ok := tree.Stat("/out/passwd"); !ok || !f.Mode.IsRegular() {
		t.Errorf("Stat does not follow links on the way: %+v", f)
	}
	if f, ok := tree.Stat("/"); !ok || !f.Mode.IsDir() {
		t.Errorf("Stat of the root: %+v", f)
	}
	for at, want := range map[string][]string{"/etc": {"passwd"}, "/e": {"passwd"}, "/out": {"passwd"}, "/var": nil, "/p": nil, "/self": nil} {
		if got := tree.Children(at); !slices.Equal(got, want) {
			t.Errorf("Children(%q) = %q, want %q", at, got, want)
		}
	}
}

// An image cannot make the tree grow without bound, nor the time.
func TestBounds(t *testing.T) {
	deep := &strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(deep, "f %s%d\n", strings.Repeat("a/", 1000), i)
	}
	index := read(t, deep.String())
	tree := New()
	tree.maxSteps, tree.maxText = 1_500_000, 4<<20
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		err = tree.Apply(t.Context(), "sha256:1", index)
	}
	if err == nil || !strings.Contains(err.Error(), "too many steps") {
		t.Errorf("error %v", err)
	}
	long := &strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(long, "l x%d %s\n", i, strings.Repeat("a/", 2000))
	}
	index = read(t, long.String())
	tree, err = New(), nil
	tree.maxText = 3 << 20
	for n := 0; err == nil && n < 1000; n++ {
		err = tree.Apply(t.Context(), "sha256:1", index)
	}
	if err == nil || !strings.Contains(err.Error(), "more than 3 MiB") {
		t.Errorf("error %v", err)
	}
}

// Each name of a directory counts whenever an opaque mark makes the tree look at it.
func TestBoundsOpaqueMarks(t *testing.T) {
	lines := &strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(lines, "f a/%d\n", i)
	}
	lines.WriteString(strings.Repeat("f a/.wh..wh..opq\n", 1000))
	index := read(t, lines.String())
	tree := New()
	tree.maxSteps = 100_000
	if err := tree.Apply(t.Context(), "sha256:1", index); err == nil || !strings.Contains(err.Error(), "too many steps") {
		t.Errorf("error %v", err)
	}
}

// Hard links count the directories that lead to their targets.
func TestBoundsHardLinks(t *testing.T) {
	lines := &strings.Builder{}
	target := strings.Repeat("a/", 1000) + "f"
	fmt.Fprintf(lines, "f %s\n", target)
	for i := range 1000 {
		fmt.Fprintf(lines, "h %d %s\n", i, target)
	}
	index := read(t, lines.String())
	tree := New()
	tree.maxSteps = 100_000
	if err := tree.Apply(t.Context(), "sha256:1", index); err == nil || !strings.Contains(err.Error(), "too many steps") {
		t.Errorf("error %v", err)
	}
}

// All that is kept of a file counts as text.
func TestBoundsText(t *testing.T) {
	long := strings.Repeat("x", 4000)
	for name, e := range map[string]layer.Entry{
		"link": {Link: long}, "interpreter": {Interpreter: long}, "capability": {Capability: long}, "content": {Content: long, HasContent: true},
	} {
		tree := New()
		a := &applier{Tree: tree, digest: "sha256:1", new: map[*node]bool{}}
		e.Kind, e.Path = layer.File, "f"
		a.apply(e)
		if tree.text != len(long)+len("f") {
			t.Errorf("%s: %d bytes count, want %d", name, tree.text, len(long)+1)
		}
	}
}

// Applying a layer ends with the context.
func TestApplyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New().Apply(ctx, "sha256:1", read(t, "f a")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Removing and adding counts what is there, also with hard links.
func TestCount(t *testing.T) {
	tree := build(t, "f a/b\nh c a/b\nd d/e 0755 0:0", "f .wh.a\nf d\nf c", "f .wh.c\nf .wh.d")
	if left := slices.Collect(maps.Keys(tree.root.children)); len(left) != 0 || tree.files != 1 {
		t.Errorf("%q are left, %d files are counted", left, tree.files)
	}
}
