// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	for _, bad := range []string{"linux", "linux/", "/amd64", "linux/arm/v7/x"} {
		if _, err := New(Options{Platform: bad}); err == nil {
			t.Errorf("platform %q is accepted", bad)
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
	var described document
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

func TestTLS(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}))
	name := r.host() + "/app:1"
	got := read(t, Options{ConfigOnly: true}, name)[name]
	if want := "the certificate of " + r.host() + " is signed by an unknown authority: give the certificate of the authority with --registry-ca FILE"; fmt.Sprint(got.err) != want {
		t.Errorf("error %v", got.err)
	}
	if _, err := New(Options{Authorities: []byte("x")}); err == nil {
		t.Error("authorities that are no certificate are accepted")
	}

	// Plain HTTP: with loopback it goes by itself, and a redirect to another host does not.
	plain := httptest.NewServer(r)
	defer plain.Close()
	address := plain.Listener.Addr().String()
	if got := read(t, Options{ConfigOnly: true}, address+"/app:1")[address+"/app:1"]; got.err != nil {
		t.Error(got.err)
	}
	// Some servers answer a TLS handshake with a page and no status.
	odd, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer odd.Close()
	go func() {
		for n := 0; ; n++ {
			c, err := odd.Accept()
			if err != nil {
				return
			}
			if _, err := bufio.NewReader(c).ReadByte(); err == nil && n == 0 {
				io.WriteString(c, "<html>Bad request</html>")
			} else {
				io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			}
			c.Close()
		}
	}()
	oddly := odd.Addr().String() + "/app:1"
	if got := read(t, Options{ConfigOnly: true}, oddly)[oddly]; !strings.Contains(fmt.Sprint(got.err), "has no such image") {
		t.Errorf("error %v", got.err)
	}
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		http.Redirect(w, req, "http://registry.example.com/x", http.StatusTemporaryRedirect)
		return true
	}
	got = read(t, Options{ConfigOnly: true, Authorities: r.authorities()}, name)[name]
	if want := r.host() + " asks to go on without TLS at registry.example.com: give --insecure-registry registry.example.com if you trust the network"; fmt.Sprint(got.err) != want {
		t.Errorf("error %v", got.err)
	}
}

// Docker Hub and most others hand out a token for the user's password, for each repository.
func TestToken(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", ""))
	var scopes sync.Map
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		if req.URL.Path == "/auth/token" {
			user, password, _ := req.BasicAuth()
			scopes.Store(req.URL.Query().Get("scope"), user+":"+password)
			fmt.Fprintf(w, `{"token":"for %s"}`, req.URL.Query().Get("scope"))
			return true
		}
		name := strings.Split(strings.TrimPrefix(req.URL.Path, "/v2/"), "/")[0]
		if req.Header.Get("Authorization") == "Bearer for repository:"+name+":pull" {
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/auth/token",service="s",scope="repository:%s:pull"`, r.host(), name))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	dir := t.TempDir()
	config := fmt.Sprintf(`{"auths":{"%s":{"auth":"dXNlcjpwdw=="}}}`, r.host())
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials, err := source.LoadCredentials(func(name string) string { return map[string]string{"DOCKER_CONFIG": dir}[name] })
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range read(t, Options{Authorities: r.authorities(), Credentials: credentials}, r.host()+"/one:1", r.host()+"/two:1") {
		if got.err != nil {
			t.Errorf("%s: %v", name, got.err)
		}
	}
	for _, scope := range []string{"repository:one:pull", "repository:two:pull"} {
		if user, _ := scopes.Load(scope); user != "user:pw" {
			t.Errorf("the token for %s was asked for by %v", scope, user)
		}
	}
}

// A transfer that breaks off is tried again; one that always does is an error.
func TestInterrupted(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", strings.Repeat("x", 100_000)))
	name := r.host() + "/app:1"
	var breaks atomic.Int32
	layer := digest.FromBytes(files(t, "a", strings.Repeat("x", 100_000)))
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, layer.String()) || breaks.Add(-1) < 0 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(r.blobs[layer])))
		w.Write(r.blobs[layer][:50_000])
		panic(http.ErrAbortHandler)
	}
	breaks.Store(2)
	if got := read(t, Options{Authorities: r.authorities()}, name)[name]; got.err != nil {
		t.Error(got.err)
	}
	breaks.Store(3)
	got := read(t, Options{Authorities: r.authorities()}, name)[name]
	if got.err == nil || !strings.Contains(got.err.Error(), "the transfer was interrupted") {
		t.Errorf("error %v", got.err)
	}
}

// A connection that is reset in the middle of a layer is a transfer that broke off: the
// registry was reached.
func TestReset(t *testing.T) {
	r := newRegistry(t)
	data := files(t, "a", strings.Repeat("x", 100_000))
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), data)
	name, layer := r.host()+"/app:1", digest.FromBytes(data)
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, layer.String()) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:50_000])
		http.NewResponseController(w).Flush()
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return true
		}
		connection.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0) // close with a reset
		connection.(*tls.Conn).NetConn().Close()
		return true
	}
	got := read(t, Options{Authorities: r.authorities()}, name)[name]
	if _, reset := errors.AsType[*net.OpError](got.err); !reset {
		t.Fatalf("the connection was not reset: %v", got.err)
	}
	if !strings.Contains(got.err.Error(), ": the transfer was interrupted: ") || !strings.Contains(got.err.Error(), "run the command again") {
		t.Errorf("error %v", got.err)
	}
}

// A reader remembers that a registry speaks plain HTTP, also for layers that it has to read
// again without asking for the manifest.
func TestReadsAgainWithoutTLS(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", ""))
	plain := httptest.NewServer(r)
	defer plain.Close()
	name, cache := plain.Listener.Addr().String()+"/app:1", t.TempDir()
	reader, err := New(Options{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for round := range 2 {
		reader.Read(t.Context(), []string{name}, "", nil, func(_ string, _ *evidence.Image, err error) {
			if err != nil {
				t.Errorf("round %d: %v", round+1, err)
			}
		})
		removed := 0
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, _ error) error {
			if d != nil && d.Type().IsRegular() && os.Remove(path) == nil {
				removed++
			}
			return nil
		})
		if removed == 0 {
			t.Error("no layer was remembered")
		}
	}
	if n := r.counts("blobs"); n != 3 {
		t.Errorf("%d blobs were read, want 3: the layer twice", n)
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

// Ctrl-C ends the reading at once, and every image that is left says why.
func TestCanceled(t *testing.T) {
	r := newRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.around = func(_ http.ResponseWriter, req *http.Request) bool {
		cancel()
		<-req.Context().Done()
		return true
	}
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("%s/app:%d", r.host(), i))
	}
	for name, got := range readOn(t, ctx, Options{Authorities: r.authorities()}, "", names...) {
		if fmt.Sprint(got.err) != "interrupted: run the command again" {
			t.Errorf("%s: %v", name, got.err)
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
