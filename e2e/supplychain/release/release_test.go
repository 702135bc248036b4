// SPDX-License-Identifier: Apache-2.0

//go:build image

package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var platforms = []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"}

// mustRun runs a program in the repository, in the environment of the release.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := output(t.Context(), repository, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A release has just these files, and checksums.txt names each but the signatures of itself.
func TestFiles(t *testing.T) {
	want := []string{"caseharden-" + version + ".tgz", "caseharden-" + version + ".tgz.prov", "install.yaml", "krew.yaml"}
	for _, platform := range platforms {
		want = append(want, "caseharden_"+version+"_"+platform+".cdx.json", "caseharden_"+version+"_"+platform+".tar.gz")
	}
	slices.Sort(want)
	sums, err := os.ReadFile(filepath.Join(files, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(sums)) {
		named = append(named, strings.Fields(line)[1])
	}
	slices.Sort(named)
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("checksums.txt (-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want = append(want, "checksums.txt", "checksums.txt.sigstore.json", "checksums.txt.provenance.sigstore.json")
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// What users verify holds. It fails with another key, for a file that was changed, and for a
// tag that was moved to another image.
func TestVerify(t *testing.T) {
	mustRun(t, "deploy/verify.sh")

	other := t.TempDir()
	if _, err := output(t.Context(), other, cosign, "generate-key-pair"); err != nil {
		t.Fatal(err)
	}
	fails := func(name, because string, variables ...string) {
		t.Helper()
		if _, err := output(t.Context(), repository, append(variables, "deploy/verify.sh")...); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("%s: %v, want %q", name, err, because)
		}
	}
	flags := variable("VERIFY_FLAGS")
	fails("another key", "accepted signatures do not match threshold", "VERIFY_FLAGS="+regexp.MustCompile(`--key=\S+`).ReplaceAllString(flags, "--key="+filepath.Join(other, "cosign.pub")))

	changed := filepath.Join(other, "files")
	if err := os.CopyFS(changed, os.DirFS(files)); err != nil {
		t.Fatal(err)
	}
	change(t, filepath.Join(changed, "install.yaml"))
	fails("a changed file", "install.yaml: FAILED", "OUT="+changed)
	change(t, filepath.Join(changed, "checksums.txt"))
	fails("changed checksums", "checksums.txt", "OUT="+changed)

	// Another repository, which has the image and no signature.
	mustRun(t, "buildah", "manifest", "push", "--quiet", "--all", "--format=oci", variable("REGISTRY")+"/caseharden:"+version, "docker://"+host+"/other/caseharden:"+version)
	fails("no signature", "no signatures found", "REGISTRY="+host+"/other")
}

// change appends a byte to a file.
func change(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func variable(name string) string {
	for _, v := range slices.Backward(environment) {
		if value, found := strings.CutPrefix(v, name+"="); found {
			return value
		}
	}
	return ""
}

// Each archive has the binary of its platform, its licenses, manual pages and completion. The
// binary of this machine says its version, and the images hold the same bytes.
func TestArchives(t *testing.T) {
	revision := strings.TrimSpace(mustRun(t, "git", "rev-parse", "HEAD"))
	for _, platform := range platforms {
		dir := t.TempDir()
		unpack(t, filepath.Join(files, "caseharden_"+version+"_"+platform+".tar.gz"), dir)
		for _, name := range []string{"LICENSE", "THIRD_PARTY_LICENSES", "man/caseharden.1", "man/caseharden-preview.1", "completions/caseharden.bash", "completions/caseharden.zsh", "completions/caseharden.fish"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 500 {
				t.Errorf("%s: %s: %v", platform, name, err)
			}
		}
		binary := filepath.Join(dir, "caseharden")
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			t.Fatalf("%s: %v", platform, err)
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if got := settings["GOOS"] + "_" + settings["GOARCH"]; got != platform {
			t.Errorf("%s: the binary is for %s", platform, got)
		}
		if platform == "linux_"+runtime.GOARCH {
			got := mustRun(t, binary, "version")
			if want := "caseharden " + version + " (revision " + revision + ", "; !strings.HasPrefix(got, want) {
				t.Errorf("version: %q, want %q…", got, want)
			}
			if got := mustRun(t, "bash", "-c", `source /dev/stdin <<<"$(cat "$0")"; complete -p caseharden`, filepath.Join(dir, "completions", "caseharden.bash")); !strings.Contains(got, "__start_caseharden") {
				t.Errorf("completion in bash: %q", got)
			}
		}
		if arch, isLinux := strings.CutPrefix(platform, "linux_"); isLinux {
			container := strings.TrimSpace(mustRun(t, "buildah", "from", "--pull-always", "--arch="+arch, host+"/caseharden/caseharden:"+version))
			root := strings.TrimSpace(mustRun(t, "buildah", "mount", container))
			if !bytes.Equal(read(t, filepath.Join(root, "caseharden")), read(t, binary)) {
				t.Errorf("%s: the binary in the image is not that in the archive", platform)
			}
			mustRun(t, "buildah", "rm", container)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unpack unpacks an archive. Its files have the date of the source, and are root's.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(read(t, archive)))
	if err != nil {
		t.Fatal(err)
	}
	epoch := strings.TrimSpace(mustRun(t, "git", "log", "-1", "--format=%ct"))
	r := tar.NewReader(compressed)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.ModTime.Unix() != mustInt(t, epoch) {
			t.Errorf("%s: %s: user %d, date %s", filepath.Base(archive), header.Name, header.Uid, header.ModTime)
		}
		to := filepath.Join(dir, filepath.Clean("/"+header.Name))
		if header.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o755)
		} else if header.Typeflag == tar.TypeReg {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(to, data, os.FileMode(header.Mode))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func mustInt(t *testing.T, text string) (n int64) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What is attested of an image is its list of components and how it was made.
func TestAttestations(t *testing.T) {
	revision := strings.TrimSpace(mustRun(t, "git", "rev-parse", "HEAD"))
	image := regexp.MustCompile(`[^" ]+@sha256:[0-9a-f]{64}`).FindString(string(read(t, filepath.Join(files, "install.yaml"))))
	var index struct {
		Manifests []struct {
			Digest   string
			Platform struct{ Architecture string }
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, "buildah", "manifest", "inspect", image)), &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Manifests) != 2 {
		t.Fatalf("%d images, want 2: %v", len(index.Manifests), index)
	}
	for _, m := range index.Manifests {
		name := host + "/caseharden/caseharden@" + m.Digest
		var made struct {
			BuildDefinition struct {
				ResolvedDependencies []struct{ Digest map[string]string }
			}
		}
		predicate(t, "slsaprovenance1", name, &made)
		if got := made.BuildDefinition.ResolvedDependencies; len(got) != 1 || got[0].Digest["gitCommit"] != revision {
			t.Errorf("%s: made from %v, want %s", m.Platform.Architecture, got, revision)
		}
		var attested, file struct {
			Components []struct{ Name, Version string }
		}
		predicate(t, "cyclonedx", name, &attested)
		if err := json.Unmarshal(read(t, filepath.Join(files, "caseharden_"+version+"_linux_"+m.Platform.Architecture+".cdx.json")), &file); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(file, attested); diff != "" || len(file.Components) < 30 {
			t.Errorf("%s: %d components (-file +attested):\n%s", m.Platform.Architecture, len(file.Components), diff)
		}
	}
}

// predicate reads what is attested of an artifact, once cosign has verified it.
func predicate(t *testing.T, kind, artifact string, into any) {
	t.Helper()
	args := append([]string{cosign, "verify-attestation", "--type", kind}, strings.Fields(variable("VERIFY_FLAGS"))...)
	first, _, _ := strings.Cut(mustRun(t, append(args, artifact)...), "\n")
	var envelope struct{ Payload []byte }
	if err := json.Unmarshal([]byte(first), &envelope); err != nil {
		t.Fatal(err)
	}
	statement := struct{ Predicate any }{into}
	if err := json.Unmarshal(envelope.Payload, &statement); err != nil {
		t.Fatal(err)
	}
}

// Helm pulls the chart and verifies its provenance. It installs the image by digest, as
// install.yaml does.
func TestChart(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, helm, "pull", "oci://"+host+"/caseharden/charts/caseharden", "--version", version, "--destination", dir, "--verify", "--keyring", keyring)
	chart := filepath.Join(dir, "caseharden-"+version+".tgz")
	if !bytes.Equal(read(t, chart), read(t, filepath.Join(files, "caseharden-"+version+".tgz"))) {
		t.Error("the chart in the registry is not that of the release")
	}
	image := regexp.MustCompile(`image: "?` + regexp.QuoteMeta(host) + `/caseharden/caseharden@sha256:[0-9a-f]{64}"?\n`)
	for name, manifests := range map[string]string{
		"the chart":    mustRun(t, helm, "template", "caseharden", chart),
		"install.yaml": string(read(t, filepath.Join(files, "install.yaml"))),
	} {
		if len(image.FindAllString(manifests, -1)) == 0 || strings.Contains(manifests, "image: caseharden") {
			t.Errorf("%s does not name the image by its digest", name)
		}
	}
	change(t, chart)
	if _, err := output(t.Context(), dir, helm, "verify", chart, "--keyring", keyring); err == nil {
		t.Error("Helm verified a chart that was changed")
	}
}
