// SPDX-License-Identifier: Apache-2.0

//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/e2e/images/fleet"
	"github.com/caseharden/caseharden/e2e/testbed/oci"
	"github.com/caseharden/caseharden/e2e/testbed/registry"
)

// serverLayer is a layer with a program that has a file capability with the effective bit,
// which drop: [ALL] keeps from starting.
func serverLayer(t *testing.T, name string) registry.Layer {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	w := tar.NewWriter(g)
	const program = "\x7fELF\x02\x01\x01"
	for _, h := range []*tar.Header{
		{Name: "usr/bin/" + name, Mode: 0o755, Size: int64(len(program)), PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		}},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, program); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	return registry.Bytes(v1.MediaTypeImageLayerGzip, b.Bytes())
}

func server(arch, name string) v1.Image {
	return v1.Image{Platform: v1.Platform{OS: "linux", Architecture: arch}, Config: v1.ImageConfig{Entrypoint: []string{"/usr/bin/" + name}}}
}

func push(t *testing.T, r *registry.Registry, repository, tag, arch, name string) (v1.Descriptor, registry.Layer) {
	t.Helper()
	l := serverLayer(t, name)
	d, err := r.Push(t.Context(), repository, tag, server(arch, name), l)
	if err != nil {
		t.Fatal(err)
	}
	d.Platform = &v1.Platform{OS: "linux", Architecture: arch}
	return d, l
}

// A previewed is what the preview says of images.
type previewed struct {
	found  map[string][]string // layers by the programs that could not start
	stderr string
}

// previewImages previews a Pod for each image.
func previewImages(t *testing.T, env []string, more string, images []string, flags ...string) previewed {
	t.Helper()
	var pods strings.Builder
	for i, image := range images {
		fmt.Fprintf(&pods, "apiVersion: v1\nkind: Pod\nmetadata: {name: pod%d}\nspec: {containers: [{name: app, image: %q}]}\n---\n", i, image)
	}
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"preview", "-f", "-", "-o", "json"}, flags...)...)
	cmd.Stdin = strings.NewReader(pods.String() + more)
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("preview: %v\n%s", err, stderr.Bytes())
	}
	var report struct {
		Workloads []struct {
			Findings []struct {
				ID       string
				Verdict  string
				Evidence []struct{ Source, Path, Where string }
			}
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	p := previewed{found: map[string][]string{}, stderr: stderr.String()}
	for _, w := range report.Workloads {
		for _, f := range w.Findings {
			for _, e := range f.Evidence {
				if f.Verdict == "breaks" && e.Source == "image" && e.Path != "" {
					p.found[e.Path] = append(p.found[e.Path], e.Where)
				}
			}
		}
	}
	return p
}

func dockerConfig(t *testing.T, r *registry.Registry) string {
	t.Helper()
	dir := t.TempDir()
	if err := r.WriteDockerConfig(dir); err != nil {
		t.Fatal(err)
	}
	return "DOCKER_CONFIG=" + dir
}

// With its authority and the user's credentials, a private registry is read; without one of
// them, the summary says which.
func TestPrivateRegistry(t *testing.T) {
	_, layer := push(t, private, "team/app", "1", "amd64", "private")
	image := private.Host + "/team/app:1"
	found := map[string][]string{"/usr/bin/private": {layer.Descriptor.Digest.String()}}
	ca := []string{"--images", "--registry-ca", private.CAFile}
	for name, c := range map[string]struct {
		env    []string
		flags  []string
		found  map[string][]string
		stderr string
	}{
		"everything":         {[]string{dockerConfig(t, private)}, ca, found, ""},
		"no credentials":     {nil, ca, map[string][]string{}, private.Host + " refuses access, or has no such image\n    fix: run docker login " + private.Host},
		"no authority":       {[]string{dockerConfig(t, private)}, []string{"--images"}, map[string][]string{}, "is signed by an unknown authority\n    fix: give the certificate of the authority with --registry-ca FILE"},
		"only configuration": {[]string{dockerConfig(t, private)}, []string{"--images=config", "--registry-ca", private.CAFile}, map[string][]string{}, ""},
	} {
		got := previewImages(t, c.env, "", []string{image}, c.flags...)
		if diff := cmp.Diff(c.found, got.found); diff != "" {
			t.Errorf("%s: found (-want +got):\n%s", name, diff)
		}
		if c.stderr == "" && got.stderr != "" || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("%s: %s", name, got.stderr)
		}
	}
	// A password may be in a Secret's .dockerconfigjson, which is mounted or saved.
	config := strings.TrimPrefix(dockerConfig(t, private), "DOCKER_CONFIG=")
	if err := os.Rename(filepath.Join(config, "config.json"), filepath.Join(config, ".dockerconfigjson")); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"DOCKER_CONFIG=" + config, "REGISTRY_AUTH_FILE=" + filepath.Join(config, ".dockerconfigjson")} {
		if got := previewImages(t, []string{env}, "", []string{image}, ca...); got.stderr != "" || len(got.found) != 1 {
			t.Errorf("%s: %+v", env, got)
		}
	}
}

// An index has an image for each platform: that of the flag counts, then that of the nodes.
func TestPlatform(t *testing.T) {
	amd, _ := push(t, private, "team/multi", "", "amd64", "on-amd64")
	arm, _ := push(t, private, "team/multi", "", "arm64", "on-arm64")
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{amd, arm}}
	index.SchemaVersion = 2
	d, err := private.PushManifest(t.Context(), "team/multi", "1", index.MediaType, index)
	if err != nil {
		t.Fatal(err)
	}
	const node = "\napiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {operatingSystem: linux, architecture: arm64}}\n"
	for _, c := range []struct {
		image, more string
		flags       []string
		want        string
	}{
		{":1", "", nil, "/usr/bin/on-amd64"},
		{":1", node, nil, "/usr/bin/on-arm64"},
		{":1", node, []string{"--platform", "linux/amd64"}, "/usr/bin/on-amd64"},
		{"@" + d.Digest.String(), "", []string{"--platform", "linux/arm64/v8"}, "/usr/bin/on-arm64"},
		{"@" + amd.Digest.String(), "", nil, "/usr/bin/on-amd64"},
	} {
		flags := append([]string{"--images", "--registry-ca", private.CAFile}, c.flags...)
		got := previewImages(t, []string{dockerConfig(t, private)}, c.more, []string{private.Host + "/team/multi" + c.image}, flags...)
		if len(got.found) != 1 || got.found[c.want] == nil {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// Loopback is asked without TLS where it does not speak it.
func TestPlainHTTP(t *testing.T) {
	plain, err := registry.Start(t.Context(), registryProgram, t.TempDir(), registry.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Stop()
	push(t, plain, "app", "1", "amd64", "plain")
	got := previewImages(t, nil, "", []string{plain.Host + "/app:1"}, "--images")
	if got.stderr != "" || len(got.found) != 1 {
		t.Errorf("%+v", got)
	}
}

// An archive takes the place of a registry that cannot be reached.
func TestArchive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.tar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	image := oci.Image{
		Name: "registry.example.com/shop/app:1", Config: v1.ImageConfig{Entrypoint: []string{"/app"}},
		Files: []oci.File{{Path: "/app", Mode: 0o700, Content: []byte("\x7fELF\x02\x01\x01")}},
	}
	if err := errors.Join(image.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	got := previewImages(t, nil, "", []string{image.Name}, "--images", "--image", image.Name+"=oci-archive:"+file)
	if got.stderr != "" || got.found["/app"] == nil {
		t.Errorf("%+v", got)
	}
}

// The second run reads no layer: they could as well be gone. A damaged file of the cache is
// read from the registry again.
func TestCache(t *testing.T) {
	r, err := registry.Start(t.Context(), registryProgram, t.TempDir(), registry.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	_, layer := push(t, r, "app", "1", "amd64", "cached")
	cache := t.TempDir()
	preview := func() previewed {
		return previewImages(t, []string{"XDG_CACHE_HOME=" + cache}, "", []string{r.Host + "/app:1"}, "--images")
	}
	first := preview()
	if len(first.found) != 1 {
		t.Fatalf("%+v", first)
	}
	files, err := filepath.Glob(filepath.Join(cache, "caseharden", "layers", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the cache has %q, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.found, preview().found); diff != "" {
		t.Errorf("with a damaged file (-want +got):\n%s", diff)
	}
	if err := r.Forget(layer.Descriptor.Digest); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, preview(), cmp.AllowUnexported(previewed{})); diff != "" {
		t.Errorf("from the cache (-want +got):\n%s", diff)
	}
	if err := os.RemoveAll(cache); err != nil {
		t.Fatal(err)
	}
	if got := preview(); !strings.Contains(got.stderr, "has no such image") {
		t.Errorf("without layer and cache: %+v", got)
	}
}

// Without --images no connection is opened; with it, one is, so that the test can tell.
func TestNoConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{}, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				close(connected)
				return
			}
			connected <- struct{}{}
			c.Close()
		}
	}()
	image := []string{listener.Addr().String() + "/app:1"}
	if got := previewImages(t, nil, "", image); got.stderr != "" {
		t.Error(got.stderr)
	}
	if len(connected) > 0 {
		t.Error("a connection was opened without --images")
	}
	if got := previewImages(t, nil, "", image, "--images"); got.stderr == "" || len(connected) == 0 {
		t.Errorf("with --images: %d connections, %s", len(connected), got.stderr)
	}
	listener.Close()
}

// Ctrl-C ends the command while a registry keeps it waiting.
func TestInterrupt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	manifest := filepath.Join(t.TempDir(), "pod.yaml")
	pod := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: %q}]}\n", listener.Addr().String()+"/app:1")
	if err := os.WriteFile(manifest, []byte(pod), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "preview", "-f", manifest, "--images")
	cmd.Env = []string{"HOME=" + t.TempDir()}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	connection, err := listener.Accept() // and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_ = cmd.Wait()
	if took := time.Since(begun); took > 5*time.Second || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it took %v, exit code %d", took, cmd.ProcessState.ExitCode())
	}
	if stdout.Len() > 0 || stderr.String() != "caseharden: interrupted\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}

// A small fleet, as make bench-images measures a large one.
func TestFleet(t *testing.T) {
	figures, err := fleet.Measure(t.Context(), binary, t.TempDir(), private, fleet.Fleet{Images: 30, Size: 20 << 20}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", figures.Table())
	const most = 256 << 20
	for name, run := range map[string]fleet.Run{"first": figures.First, "second": figures.Second} {
		if run.Peak == 0 || run.Peak > most {
			t.Errorf("%s run: %d MiB, want at most %d", name, run.Peak>>20, most>>20)
		}
	}
	if figures.Second.CPU > figures.First.CPU/2 {
		t.Errorf("the second run takes %v of CPU, and the first %v", figures.Second.CPU, figures.First.CPU)
	}
}
