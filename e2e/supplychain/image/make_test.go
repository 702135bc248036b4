// SPDX-License-Identifier: Apache-2.0

//go:build image

package image

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The build gets the files that go build asks for, and no others.
func TestContext(t *testing.T) {
	if _, err := makeImage(t.Context(), source, "IMAGE=caseharden:source", "IMAGE_FLAGS="+builder.Flags+" --target=build"); err != nil {
		t.Fatal(err)
	}
	container, err := builder.Run(t.Context(), ".", "buildah", "from", "caseharden:source")
	if err != nil {
		t.Fatal(err)
	}
	root, err := builder.Run(t.Context(), ".", "buildah", "mount", strings.TrimSpace(container))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	files := os.DirFS(filepath.Join(strings.TrimSpace(root), "src"))
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	const format = `{{if and .Module .Module.Main}}{{$dir := .Dir}}` +
		`{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .IgnoredGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}` +
		`{{range .EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}`
	list, err := builder.Run(t.Context(), source, "go", "list", "-deps", "-f", format, ".")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"go.mod", "go.sum", "LICENSE", "THIRD_PARTY_LICENSES"}
	for path := range strings.FieldsSeq(list) {
		if !strings.HasSuffix(path, "_test.go") { // a test with a build tag is an ignored file
			want = append(want, strings.TrimPrefix(path, source+"/"))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the context of the build (-want +got):\n%s", diff)
	}
}

// The revision is git's, and says so if something differs from it.
func TestRevision(t *testing.T) {
	git := func(args ...string) string {
		t.Helper()
		output, err := builder.Run(t.Context(), copied, "git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(output)
	}
	stamped := func() string {
		t.Helper()
		output, err := builder.Run(t.Context(), copied, "make", "--dry-run", "build")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(output, "-X main.revision=")
		revision, _, _ := strings.Cut(after, `"`)
		return revision
	}
	if got := stamped(); got != "" {
		t.Errorf("without a repository: %q", got)
	}
	git("init", "-q")
	defer os.RemoveAll(filepath.Join(copied, ".git"))
	git("add", ".")
	git("commit", "-q", "-m", "x")
	head := git("rev-parse", "HEAD")
	if got := stamped(); got != head {
		t.Errorf("revision %q, want %q", got, head)
	}
	if err := os.WriteFile(filepath.Join(copied, "new.go"), []byte("package main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Join(copied, "new.go"))
	if got := stamped(); got != head+"-dirty" {
		t.Errorf("with a new file: revision %q, want %q", got, head+"-dirty")
	}
}

// An image takes over the name of a list of images, and the reverse; a list that of a list,
// of which nothing stays; and nothing else loses its image.
func TestNamesAreTakenOver(t *testing.T) {
	dir, err := builder.CopyOf(t.Context(), source, "names")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY go.mod /\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := "PLATFORMS=" + strings.Join(platforms, ",")
	for _, step := range []struct {
		name, platforms string
		want            int
	}{{"other", "PLATFORMS=", 1}, {"taken", "PLATFORMS=", 1}, {"taken", list, 2}, {"taken", list, 2}, {"taken", "PLATFORMS=", 1}, {"other", "", 1}} {
		name := "caseharden:" + step.name
		if step.platforms != "" {
			if _, err := makeImage(t.Context(), dir, "IMAGE="+name, step.platforms); err != nil {
				t.Fatal(err)
			}
		}
		images, err := images(t.Context(), name) // two for a platform are an error
		if err != nil {
			t.Fatal(err)
		}
		if len(images) != step.want {
			t.Errorf("%v: images for %d platforms", step, len(images))
		}
	}
}

// A build that fails, here for want of the image with Go, says what may help.
func TestFailedBuild(t *testing.T) {
	_, err := makeImage(t.Context(), source, "IMAGE=caseharden:failed", "GO_IMAGE=localhost/not/there", "IMAGE_FLAGS=--pull=never")
	want := "make image: buildah could not build caseharden:failed, see above; GO_IMAGE=… names another image with Go"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// Where no tool works, make image says of each why.
func TestNoTool(t *testing.T) {
	path := t.TempDir()
	docker := "#!/bin/sh\necho 'Cannot connect to the Docker daemon. Is it running?' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(path, "docker"), []byte(docker), 0o700); err != nil {
		t.Fatal(err)
	}
	for tool, want := range map[string]string{
		"docker": "  docker: Cannot connect to the Docker daemon. Is it running?",
		"kaniko": "  kaniko: must be docker, podman or buildah",
	} {
		output, err := builder.Run(t.Context(), source, "env", "PATH="+path+":"+os.Getenv("PATH"), "make", "image", "IMAGE_TOOL="+tool)
		want = "make image: needs docker with buildx, podman or buildah, and none is at work here:\n" + want + "\n"
		if err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("IMAGE_TOOL=%s: %s%v, want %q", tool, output, err, want)
		}
	}
}
