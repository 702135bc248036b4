// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestWrite reads an archive from its index to its files. That containerd does so too, and
// heeds the user and the command, is for the tests on a whole cluster.
func TestWrite(t *testing.T) {
	source := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(source, []byte("text of a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := Image{
		Name: "registry.test:5000/a/b:tag",
		Files: []File{
			{Path: "/usr/bin/program", Source: source},
			{Path: "/data/", Mode: 0o1777, UID: 1, GID: 2},
			{Path: "/data/note", Mode: 0o600, Content: []byte("a note"), UID: 3},
		},
		Config: v1.ImageConfig{User: "1:2", Entrypoint: []string{"/usr/bin/program"}},
	}
	var archive, again bytes.Buffer
	if err := errors.Join(image.Write(&archive), image.Write(&again)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(archive.Bytes(), again.Bytes()) {
		t.Error("the same image makes two archives")
	}

	files := map[string][]byte{}
	for header, content := range entries(t, archive.Bytes()) {
		files[header.Name] = content
	}
	blob := func(d v1.Descriptor) []byte {
		content := files["blobs/sha256/"+d.Digest.Encoded()]
		if digest.FromBytes(content) != d.Digest || int64(len(content)) != d.Size {
			t.Errorf("blob of %s: it is not what its descriptor says", d.MediaType)
		}
		return content
	}
	var index v1.Index
	decode(t, files["index.json"], &index)
	if name := index.Manifests[0].Annotations["io.containerd.image.name"]; name != image.Name {
		t.Errorf("the name is %q, want %q", name, image.Name)
	}
	var manifest v1.Manifest
	decode(t, blob(index.Manifests[0]), &manifest)
	var config v1.Image
	decode(t, blob(manifest.Config), &config)
	if diff := cmp.Diff(image.Config, config.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	layer := blob(manifest.Layers[0])
	if got := config.RootFS.DiffIDs[0]; got != digest.FromBytes(layer) {
		t.Errorf("the configuration is for another layer, %s", got)
	}
	var got []string
	for h, content := range entries(t, layer) {
		got = append(got, fmt.Sprintf("%s %04o %d:%d %s", h.Name, h.Mode, h.Uid, h.Gid, content))
	}
	want := []string{
		"usr/ 0755 0:0 ",
		"usr/bin/ 0755 0:0 ",
		"usr/bin/program 0755 0:0 text of a program",
		"data/ 1777 1:2 ",
		"data/note 0600 3:0 a note",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteWithoutSource(t *testing.T) {
	image := Image{Name: "registry.test/a:b", Files: []File{{Path: "/program", Source: "/nonexistent/program"}}}
	const want = "image registry.test/a:b: open /nonexistent/program: no such file or directory"
	if err := image.Write(io.Discard); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// entries yields what is in a tar file, in its order.
func entries(t *testing.T, archive []byte) func(func(*tar.Header, []byte) bool) {
	return func(yield func(*tar.Header, []byte) bool) {
		for r := tar.NewReader(bytes.NewReader(archive)); ; {
			header, err := r.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(header, content) {
				return
			}
		}
	}
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
