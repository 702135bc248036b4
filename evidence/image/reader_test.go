// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image/source"
)

type result struct {
	image *evidence.Image
	err   error
}

// read reads images, with a reader of its own.
func read(t *testing.T, o Options, names ...string) map[string]result {
	t.Helper()
	return readOn(t, t.Context(), o, "", names...)
}

func readOn(t *testing.T, ctx context.Context, o Options, nodes string, names ...string) map[string]result {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]result{}
	var mu sync.Mutex
	r.Read(ctx, names, nodes, nil, func(name string, i *evidence.Image, err error) {
		mu.Lock()
		defer mu.Unlock()
		if _, twice := results[name]; twice {
			t.Errorf("%s: used twice", name)
		}
		results[name] = result{i, err}
	})
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if len(results) != len(names) {
		t.Errorf("%d of %d images were used", len(results), len(names))
	}
	return results
}

func TestReadsFacts(t *testing.T) {
	r := newRegistry(t)
	config := ocispec.ImageConfig{
		User: "app", Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}, Env: []string{"A=b"}, WorkingDir: "/srv",
		Volumes: map[string]struct{}{"/data/": {}, "cache": {}}, ExposedPorts: map[string]struct{}{"80/tcp": {}, "443": {}},
	}
	d := r.image("1", configured("linux", "amd64", config), files(t, "entry", "#!/bin/sh\n", "old", ""), files(t, ".wh.old", ""))
	name := r.host() + "/team/app:1"
	want := evidence.Config{
		User: "app", Entrypoint: []string{"/entry"}, Command: []string{"serve"}, Env: []string{"A=b"}, WorkingDir: "/srv",
		Volumes: []string{"/cache", "/data"}, ExposedPorts: []string{"443", "80/tcp"},
	}
	for _, only := range []bool{false, true} {
		got := read(t, Options{Authorities: r.authorities(), ConfigOnly: only}, name)[name]
		if got.err != nil {
			t.Fatal(got.err)
		}
		if diff := cmp.Diff(want, got.image.Config); diff != "" {
			t.Errorf("configuration (-want +got):\n%s", diff)
		}
		if got.image.Digest != d.Digest.String() || got.image.Platform != "linux/amd64" || got.image.Reference != name {
			t.Errorf("%+v", got.image)
		}
		if only != (got.image.Files == nil) {
			t.Errorf("ConfigOnly %v: files %v", only, got.image.Files)
			continue
		}
		if only {
			continue
		}
		if got := got.image.Files.Children("/"); !slices.Equal(got, []string{"entry"}) {
			t.Errorf("files %q", got)
		}
	}
	if n := r.counts("blobs"); n != 2+2 {
		t.Errorf("%d blobs were read: with layers 3, and only the configuration 1", n)
	}
}

// The second run reads no layer again, and within a run a layer is read once.
func TestRemembersLayers(t *testing.T) {
	r := newRegistry(t)
	base := files(t, "base", "x")
	var names []string
	for i := range 10 {
		tag := fmt.Sprint(i)
		r.image(tag, configured("linux", "amd64", ocispec.ImageConfig{User: tag}), base, files(t, tag, ""))
		names = append(names, r.host()+"/app:"+tag)
	}
	o := Options{Authorities: r.authorities(), CacheDir: t.TempDir()}
	for run, want := range []int{10 + 1 + 10, 10} { // configurations, the base, layers of their own
		before := r.counts("blobs")
		for name, got := range read(t, o, names...) {
			if got.err != nil {
				t.Fatalf("%s: %v", name, got.err)
			}
			if got := got.image.Files.Children("/"); !slices.Contains(got, "base") || len(got) != 2 {
				t.Errorf("%s: files %q", name, got)
			}
		}
		if n := r.counts("blobs") - before; n != want {
			t.Errorf("run %d: %d blobs were read, want %d", run+1, n, want)
		}
	}
}

// A reader that reads an image again asks for nothing again.
func TestReadsAgain(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{User: "one"}), files(t, "a", ""))
	reader, err := New(Options{Authorities: r.authorities(), CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for range 3 {
		reader.Read(t.Context(), []string{r.host() + "/app:1"}, "", nil, func(_ string, i *evidence.Image, err error) {
			if err != nil || i.Config.User != "one" || len(i.Files.Children("/")) != 1 {
				t.Errorf("%+v, %v", i, err)
			}
		})
	}
	if n := r.counts("manifests") + r.counts("blobs"); n != 3 {
		t.Errorf("the registry was asked %d times, want 3", n)
	}
}

func TestPlatforms(t *testing.T) {
	r := newRegistry(t)
	var all []ocispec.Descriptor
	for _, p := range []platform{{"linux", "amd64", ""}, {"linux", "arm64", "v8"}, {"linux", "arm", "v6"}, {"linux", "arm", "v7"}, {"windows", "amd64", ""}} {
		d := r.image("", configured(p.os, p.arch, ocispec.ImageConfig{User: p.String()}))
		all = append(all, platformed(d, p.os, p.arch, p.variant))
	}
	attestation := r.image("", configured("unknown", "unknown", ocispec.ImageConfig{}))
	r.index("all", append([]ocispec.Descriptor{platformed(attestation, "unknown", "unknown", "")}, all...)...)
	r.index("arm", all[1:4]...)
	r.index("nested", platformed(r.index("", all[1]), "linux", "arm64", ""))
	r.image("single", configured("linux", "arm64", ocispec.ImageConfig{User: "single"}))
	for _, c := range []struct{ tag, platform, nodes, want string }{
		{"all", "", "", "linux/amd64"},
		{"all", "linux/arm64", "", "linux/arm64/v8"},
		{"all", "", "linux/arm64", "linux/arm64/v8"},
		{"all", "linux/amd64", "linux/arm64", "linux/amd64"},
		{"all", "linux/arm", "", "linux/arm/v7"},
		{"all", "linux/arm/v6", "", "linux/arm/v6"},
		{"all", "linux/arm/v5", "", "it is not for linux/arm/v5, but for linux/amd64, linux/arm64, linux/arm/v6, linux/arm, windows/amd64: give the platform of your nodes with --platform"},
		{"all", "linux/aarch64", "", "linux/arm64/v8"},
		{"all", "linux/amd64/v3", "", "linux/amd64"},
		{"all", "windows/amd64", "", "windows/amd64"},
		{"arm", "", "", "it is not for linux/amd64, but for linux/arm64, linux/arm/v6, linux/arm: give the platform of your nodes with --platform"},
		{"nested", "linux/arm64", "", "linux/arm64/v8"},
		{"single", "", "", "single"},
		{"single", "linux/arm64", "", "single"},
		{"single", "linux/amd64", "", "it is not for linux/amd64, but for linux/arm64: give the platform of your nodes with --platform"},
	} {
		name := r.host() + "/app:" + c.tag
		o := Options{Authorities: r.authorities(), ConfigOnly: true, Platform: c.platform}
		got := readOn(t, t.Context(), o, c.nodes, name)[name]
		text := fmt.Sprint(got.err)
		if got.err == nil {
			text = got.image.Config.User
		}
		if text != c.want && text != strings.TrimSuffix(c.want, "/v8") && text != strings.TrimSuffix(c.want, "/v7") {
			t.Errorf("%+v: %s", c, text)
		}
	}
	for bad, want := range map[string]string{
		"linux": "must be os/arch", "linux/": "must be os/arch", "/amd64": "must be os/arch", "linux/arm/v7/x": "must be os/arch",
		"darwin/arm64": "must be linux or windows", " linux/arm64": "must be linux or windows", "arm64/linux": "must be linux or windows",
		"linux/foo": "must be one of 386, amd64", "linux/arm/seven": "as in linux/arm/v7", "linux/amd64/v": "as in linux/arm/v7",
	} {
		if _, err := New(Options{Platform: bad}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("platform %q: %v, want %q", bad, err, want)
		}
	}
	for _, good := range []string{"linux/x86_64", "Linux/ARM64/v8", "linux/armhf", "linux/armel", "windows/amd64", "linux/s390x", "linux/arm/7"} {
		if _, err := New(Options{Platform: good}); err != nil {
			t.Errorf("platform %q: %v", good, err)
		}
	}
}

// What cannot be read has a reason and a fix, and stops nothing else.
func TestUnreadable(t *testing.T) {
	r := newRegistry(t)
	good := r.image("good", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", "b"))
	broken := r.image("broken", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "damaged", "b"))
	d := digest.FromBytes(files(t, "damaged", "b"))
	r.blobs[d] = bytes.ReplaceAll(r.blobs[d], []byte("b"), []byte("c"))
	other := r.image("other-config", configured("linux", "amd64", ocispec.ImageConfig{User: "a"}))
	var described imageManifest
	if err := json.Unmarshal(r.manifests[other.Digest.String()], &described); err != nil {
		t.Fatal(err)
	}
	r.blobs[described.Config.Digest] = bytes.ReplaceAll(r.blobs[described.Config.Digest], []byte(`"a"`), []byte(`"b"`))
	r.image("no-tar", configured("linux", "amd64", ocispec.ImageConfig{}), bytes.Repeat([]byte("x"), 1000))
	r.manifests["huge"] = bytes.Repeat([]byte(" "), source.MaxManifest+10)
	r.manifests["not-json"] = []byte("<html>")
	r.manifests["both"] = []byte(`{"schemaVersion":2,"manifests":[],"config":{}}`)
	r.manifests["old"] = []byte(`{"schemaVersion":1}`)
	r.manifests["chart"] = marshal(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: r.blob("application/vnd.cncf.helm.config.v1+json", []byte("{}"))})
	r.manifests["escape"] = marshal(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{MediaType: "\x1b[2J\u202e"}})
	r.manifests["digest"] = marshal(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{Digest: "sha256:../../../x"}})
	encrypted := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: r.blob(ocispec.MediaTypeImageConfig, []byte("{}"))}
	encrypted.Layers = []ocispec.Descriptor{{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Digest: d}}
	r.manifests["encrypted"] = marshal(encrypted)
	encrypted.Layers = []ocispec.Descriptor{{MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Digest: d}}
	r.manifests["foreign"] = marshal(encrypted)
	r.manifests[d.String()] = r.manifests["good"] // not what was asked for
	deep := broken
	for range 5 {
		deep = platformed(r.index("deep", deep), "linux", "amd64", "")
	}
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		status := map[string]int{"basic": 401, "401": 401, "403": 403, "429": 429, "500": 500}[req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]]
		if status == 0 {
			return false
		}
		if strings.HasSuffix(req.URL.Path, "/basic") {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"errors":[{"code":"X","message":"\u001b[2J"}]}`)
		return true
	}
	host := r.host()
	want := map[string]string{
		"good":         "",
		"broken":       "layer " + d.String() + ": the content of " + d.String() + " has another digest: push the image again: what the registry or the archive has is damaged",
		"other-config": "configuration: the content of " + described.Config.Digest.String() + " has another digest",
		"no-tar":       "not a tar file that can be read",
		"huge":         "the manifest has more than 4 MiB",
		"not-json":     "the manifest is not JSON of an image",
		"both":         "the manifest is an index and an image at the same time",
		"old":          "the manifest has the format of 2015 (schema 1)",
		"chart":        "it is not a container image: its configuration has the type application/vnd.cncf.helm.config.v1+json",
		"escape":       `its configuration has the type \u001b[2J\u202e`,
		"digest":       `digest "sha256:../../../x": must be one of SHA-256 or SHA-512`,
		"encrypted":    "a layer is encrypted",
		"foreign":      "a layer is not in the registry",
		"deep":         "the index holds indexes that hold indexes",
		"none":         host + " has no such image: check the name and the tag",
		"401":          host + " refuses access, or has no such image: run docker login " + host,
		"basic":        host + " refuses access, or has no such image: run docker login " + host,
		"403":          host + " refuses access, or has no such image: run docker login " + host,
		"429":          host + " has too many requests from here: run docker login",
		"500":          host + " answers 500 Internal Server Error: try again later",
	}
	names := map[string]string{}
	for tag := range want {
		names[host+"/app:"+tag] = tag
	}
	wrong := host + "/app@" + d.String()
	names[wrong], want["wrong"] = "wrong", "digest mismatch"
	names["in valid"], want["upper"] = "upper", "not the name of an image"
	names["localhost:1/x"], want["refused"] = "refused", "localhost:1 cannot be reached: connect: connection refused: check the network and HTTPS_PROXY"
	names["registry.invalid/x"], want["dns"] = "dns", "the name registry.invalid has no address"
	var list []string
	for name := range names {
		list = append(list, name)
	}
	for name, got := range read(t, Options{Authorities: r.authorities()}, list...) {
		want := want[names[name]]
		if want == "" {
			if got.err != nil || got.image.Digest != good.Digest.String() {
				t.Errorf("%s: %v", name, got.err)
			}
			continue
		}
		var e *Error
		if !errors.As(got.err, &e) || !strings.Contains(e.Error(), want) || e.Image != name || e.Fix == "" || got.image != nil {
			t.Errorf("%s: %v, want %q", name, got.err, want)
		}
		if strings.ContainsAny(fmt.Sprint(got.err), "\x1b\u202e") {
			t.Errorf("%s: %q steers the terminal", name, got.err)
		}
	}
}

// Two names of one image are one image: which of its contents counts is never left to chance.
func TestLocalGivenTwice(t *testing.T) {
	local := map[string]string{"nginx": "oci:/a", "docker.io/library/nginx": "oci:/b", "index.docker.io/library/nginx:latest": "oci:/c"}
	for range 10 {
		_, err := New(Options{ConfigOnly: true, Local: local})
		if want := "Local: index.docker.io/library/nginx:latest: given twice, also as docker.io/library/nginx"; fmt.Sprint(err) != want {
			t.Fatalf("error %v, want %s", err, want)
		}
	}
}

// Nothing steers the terminal, wherever it comes from.
func TestVisible(t *testing.T) {
	got := read(t, Options{Local: map[string]string{"app": "oci:/no\x1b[2Jwhere"}}, "app")["app"]
	if want := `oci:/no\u001b[2Jwhere does not exist: check the path after --image`; fmt.Sprint(got.err) != want {
		t.Errorf("error %q", got.err)
	}
}

func TestProgress(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", ""))
	reported := make(chan Progress, 100)
	release := make(chan struct{})
	r.around = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
	reader, err := New(Options{Authorities: r.authorities(), CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var first sync.Once
	reader.Read(t.Context(), []string{r.host() + "/app:1"}, "", func(p Progress) {
		reported <- p
		first.Do(func() { close(release) })
	}, func(string, *evidence.Image, error) {})
	if p := <-reported; p != (Progress{Total: 1}) {
		t.Errorf("progress %+v", p)
	}
}
