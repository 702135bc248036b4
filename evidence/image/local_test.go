// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutOf returns the files of an OCI layout with these images of a registry.
func layoutOf(r *registry, manifests ...ocispec.Descriptor) map[string][]byte {
	i := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: manifests}
	i.SchemaVersion = 2
	all := map[string][]byte{"index.json": marshal(i), "oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	for d, data := range r.blobs {
		all["blobs/sha256/"+d.Encoded()] = data
	}
	for name, data := range r.manifests {
		all["blobs/sha256/"+strings.TrimPrefix(name, "sha256:")] = data
	}
	return all
}

func directoryOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// archiveOf returns a tar file of files; one whose content begins with -> is a link.
func archiveOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range files {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}
		if target, ok := strings.CutPrefix(string(data), "->"); ok {
			h.Typeflag, h.Linkname, h.Size, data = tar.TypeSymlink, target, 0, nil
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return fileOf(t, b.Bytes())
}

func fileOf(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func gzipped(t *testing.T, file string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(contentOf(t, file))
	w.Close()
	return b.Bytes()
}

func zstandard(t *testing.T, file string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(contentOf(t, file), nil)
}

func contentOf(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func named(d ocispec.Descriptor, key, name string) ocispec.Descriptor {
	d.Annotations = map[string]string{key: name}
	return d
}

func TestLocalContent(t *testing.T) {
	r := newRegistry(t) // keeps blobs, and is asked for none
	one := r.image("", configured("linux", "amd64", ocispec.ImageConfig{User: "one"}), files(t, "one", "x"))
	two := r.image("", configured("linux", "arm64", ocispec.ImageConfig{User: "two"}), files(t, "two", "x"))
	both := r.index("", platformed(one, "linux", "amd64", ""), platformed(two, "linux", "arm64", ""))
	layer := files(t, "one", "x")
	var zipped bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(layer)
	g.Close()
	config := configured("linux", "amd64", ocispec.ImageConfig{User: "docker"})
	config.RootFS.DiffIDs = []digest.Digest{digest.FromBytes(layer)}
	docker := func(layer []byte, tags ...string) map[string][]byte {
		list := []map[string]any{{"Config": "abc.json", "RepoTags": tags, "Layers": []string{"1/layer.tar"}}}
		if len(tags) > 1 {
			list = append(list, map[string]any{"Config": "none.json", "RepoTags": []string{"other:1"}})
		}
		return map[string][]byte{"manifest.json": marshal(list), "abc.json": marshal(config), "1/layer.tar": layer}
	}
	linked := docker([]byte("->../2/layer.tar"), "app:1")
	linked["2/layer.tar"] = layer
	damaged := layoutOf(r, one)
	damaged["blobs/sha256/"+digest.FromBytes(layer).Encoded()] = files(t, "one", "y")
	outside := directoryOf(t, map[string][]byte{"oci-layout": nil})
	if err := os.Symlink("/etc/hosts", filepath.Join(outside, "index.json")); err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	host := r.host()
	for name, c := range map[string]struct{ image, where, want string }{
		"oci":                     {"app:1", "oci:" + directoryOf(t, layoutOf(r, one)), "one"},
		"oci-archive":             {"registry.example.com/app:1", "oci-archive:" + archiveOf(t, layoutOf(r, one)), "one"},
		"by a digest":             {host + "/app@" + one.Digest.String(), "oci:" + directoryOf(t, layoutOf(r, two, one)), "one"},
		"by the tag":              {"app:v2", "oci:" + directoryOf(t, layoutOf(r, one, named(two, ocispec.AnnotationRefName, "v2"))), "two"},
		"by the whole name":       {"app:v2", "oci:" + directoryOf(t, layoutOf(r, one, named(two, "io.containerd.image.name", "docker.io/library/app:v2"))), "two"},
		"by the platform":         {"app:1", "oci:" + directoryOf(t, layoutOf(r, platformed(one, "linux", "amd64", ""), platformed(two, "linux", "arm64", ""))), "one"},
		"an index in an index":    {"app:1", "oci:" + directoryOf(t, layoutOf(r, both)), "one"},
		"several":                 {"app:1", "oci:" + directoryOf(t, layoutOf(r, one, two)), "there are 2 images in it, and none is named app:1"},
		"none":                    {"app:1", "oci:" + directoryOf(t, layoutOf(r)), "there is no image in it"},
		"damaged":                 {"app:1", "oci:" + directoryOf(t, damaged), "has another digest"},
		"a link out of it":        {"app:1", "oci:" + outside, "index.json"},
		"no directory":            {"app:1", "oci:/nowhere", "oci:/nowhere does not exist: check the path after --image"},
		"docker-archive":          {"app:1", "docker-archive:" + archiveOf(t, docker(layer, "app:1")), "docker"},
		"docker-archive, several": {"app:1", "docker-archive:" + archiveOf(t, docker(layer, "app:2", "docker.io/library/app:1")), "docker"},
		"docker-archive, another": {"app:3", "docker-archive:" + archiveOf(t, docker(layer, "app:2", "app:1")), "there are 2 images in it, and none is named app:3"},
		"docker-archive, zipped":  {"app:1", "docker-archive:" + archiveOf(t, docker(zipped.Bytes(), "app:1")), "docker"},
		"docker-archive, linked":  {"app:1", "docker-archive:" + archiveOf(t, linked), "docker"},
		"docker-archive, damaged": {"app:1", "docker-archive:" + archiveOf(t, docker(files(t, "one", "z"), "app:1")), "has another digest"},
		"not an archive":          {"app:1", "docker-archive:" + fileOf(t, bytes.Repeat([]byte("x"), 600)), "not a tar file that can be read"},
		"not an image":            {"app:1", "docker-archive:" + fileOf(t, layer), "has neither index.json nor manifest.json, so it is not an archive of an image: make one with docker save"},
		"gzip, oci-archive":       {"app:1", "oci-archive:" + fileOf(t, gzipped(t, archiveOf(t, layoutOf(r, one)))), "one"},
		"gzip, docker-archive":    {"app:1", "docker-archive:" + fileOf(t, gzipped(t, archiveOf(t, docker(layer, "app:1")))), "docker"},
		"zstd":                    {"app:1", "oci-archive:" + fileOf(t, zstandard(t, archiveOf(t, layoutOf(r, one)))), "one"},
		"xz":                      {"app:1", "oci-archive:" + fileOf(t, []byte("\xfd7zXZ\x00....")), "is compressed with xz or bzip2: unpack it with unxz or bunzip2"},
		"docker as oci":           {"app:1", "oci-archive:" + archiveOf(t, docker(layer, "app:1")), "is a Docker archive, not an OCI archive: write docker-archive:/"},
		"oci as docker":           {"app:1", "docker-archive:" + archiveOf(t, layoutOf(r, one)), "is an OCI archive, not a Docker archive: write oci-archive:/"},
		"a directory as archive":  {"app:1", "oci-archive:" + directoryOf(t, layoutOf(r, one)), "is a directory, not an archive: write oci:/"},
		"an archive as directory": {"app:1", "oci:" + archiveOf(t, layoutOf(r, one)), "is not a directory: write oci-archive:/"},
		"another directory":       {"app:1", "oci:" + t.TempDir(), "has no index.json, so it is not an OCI image layout: make one with skopeo"},
	} {
		got := read(t, Options{Local: map[string]string{c.image: c.where}}, c.image)[c.image]
		if got.err != nil {
			if !strings.Contains(got.err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, got.err, c.want)
			}
			continue
		}
		if got.image.Config.User != c.want {
			t.Errorf("%s: the image of %q, want %q", name, got.image.Config.User, c.want)
		}
		if got := got.image.Files.Children("/"); !slices.Equal(got, []string{"one"}) && !slices.Equal(got, []string{"two"}) {
			t.Errorf("%s: files %q", name, got)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
	if n := r.counts("manifests") + r.counts("blobs"); n > 0 {
		t.Errorf("a registry was asked %d times", n)
	}
	for name, where := range map[string]string{"in valid": "oci:x", "a": "dir:/x", "b": "oci:", "c": ""} {
		if _, err := New(Options{Local: map[string]string{name: where}}); err == nil {
			t.Errorf("%q is accepted as %q", where, name)
		}
	}
}

// The ID of the image is what an archive of Docker has for a digest.
func TestDigestOfDockerArchive(t *testing.T) {
	layer := files(t, "a", "b")
	config := configured("linux", "amd64", ocispec.ImageConfig{})
	config.RootFS.DiffIDs = []digest.Digest{digest.FromBytes(layer)}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := archiveOf(t, map[string][]byte{
		"manifest.json": []byte(`[{"Config":"c.json","Layers":["l.tar"]}]`), "c.json": data, "l.tar": layer,
	})
	got := read(t, Options{Local: map[string]string{"app": "docker-archive:" + file}}, "app")["app"]
	if got.err != nil || got.image.Digest != fmt.Sprint(digest.FromBytes(data)) {
		t.Errorf("%+v, %v", got.image, got.err)
	}
}
