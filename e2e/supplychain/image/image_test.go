// SPDX-License-Identifier: Apache-2.0

//go:build image

package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each image runs the binary as a user that is not root, and says what it is in the words
// of the chart.
func TestConfig(t *testing.T) {
	for _, platform := range platforms {
		system, architecture, _ := strings.Cut(platform, "/")
		want := config{
			Created:      time.Unix(epoch, 0).UTC(),
			Architecture: architecture,
			OS:           system,
			Config: map[string]any{
				"User":       "10001:10001",
				"Env":        []any{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
				"Entrypoint": []any{"/caseharden"},
				"Cmd":        []any{"serve"},
				"Labels": map[string]any{
					"org.opencontainers.image.title":       chart.Name,
					"org.opencontainers.image.description": chart.Description,
					"org.opencontainers.image.licenses":    chart.Annotations["artifacthub.io/license"],
					"org.opencontainers.image.version":     chart.AppVersion,
					"org.opencontainers.image.revision":    revision,
				},
			},
		}
		if diff := cmp.Diff(want, built[platform].Config); diff != "" {
			t.Errorf("%s (-want +got):\n%s", platform, diff)
		}
	}
	if got := slices.Sorted(maps.Keys(built)); !slices.Equal(got, platforms) {
		t.Errorf("it is for %v, want %v", got, platforms)
	}
}

// There is one program, which needs no other file, neither a library nor a loader, and the
// licences of what is in it.
func TestOneStaticFile(t *testing.T) {
	machines := map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}
	for _, platform := range platforms {
		var all []string
		for _, f := range built[platform].Files {
			h := f.Header
			all = append(all, fmt.Sprintf("%s %v %d:%d %s", h.Name, h.FileInfo().Mode(), h.Uid, h.Gid, h.ModTime.UTC().Format(time.DateTime)))
		}
		date := time.Unix(epoch, 0).UTC().Format(time.DateTime)
		want := []string{
			"LICENSE -rw-r--r-- 0:0 " + date,
			"THIRD_PARTY_LICENSES -rw-r--r-- 0:0 " + date,
			"caseharden -rwxr-xr-x 0:0 " + date,
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("files for %s (-want +got):\n%s", platform, diff)
			continue
		}

		binary := built[platform].file(t, "caseharden")
		executable, err := elf.NewFile(bytes.NewReader(binary))
		if err != nil {
			t.Fatal(err)
		}
		if executable.Type != elf.ET_EXEC || executable.Machine != machines[platform] {
			t.Errorf("for %s: a %v for %v", platform, executable.Type, executable.Machine)
		}
		for _, segment := range executable.Progs {
			if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
				t.Errorf("for %s: linked dynamically: it has a %v", platform, segment.Type)
			}
		}
		t.Logf("%s: %.1f MB, compressed %.1f MB", platform, float64(len(binary))/1e6, float64(built[platform].Compressed)/1e6)
	}
}

// The same source makes the same image, wherever and whenever it is built.
func TestReproducible(t *testing.T) {
	for _, platform := range platforms {
		if built[platform].Digest != anew[platform].Digest {
			t.Errorf("for %s: %s, and from another copy of the source %s", platform, built[platform].Digest, anew[platform].Digest)
			if diff := cmp.Diff(built[platform].Config, anew[platform].Config); diff != "" {
				t.Error(diff)
			}
		}
	}
}

// make build makes the binary of the image: with another build cache, so that what is
// compiled is the same too, and in another directory.
func TestMakeBuildIsTheSame(t *testing.T) {
	for _, platform := range platforms {
		_, architecture, _ := strings.Cut(platform, "/")
		if _, err := builder.Run(t.Context(), copied, "env", "GOOS=linux", "GOARCH="+architecture, "make", "build", "REVISION="+revision); err != nil {
			t.Fatal(err)
		}
		binary, err := os.ReadFile(filepath.Join(copied, "bin", "caseharden"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(binary, built[platform].file(t, "caseharden")) {
			t.Errorf("for %s: make build makes another binary than make image", platform)
		}
	}
}

// podman builds the image that buildah builds, of this platform if it is told nothing.
func TestPodman(t *testing.T) {
	output, err := makeImage(t.Context(), source, "IMAGE_TOOL=podman", "IMAGE=caseharden:podman")
	if err != nil {
		t.Fatal(err)
	}
	images, err := images(t.Context(), "caseharden:podman")
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(maps.Keys(images)); !slices.Equal(got, []string{native}) {
		t.Fatalf("it is for %v, want %s", got, native)
	}
	if images[native].Digest != built[native].Digest {
		t.Errorf("podman built %s, buildah %s", images[native].Digest, built[native].Digest)
	}
	want := fmt.Sprintf("== built caseharden:podman with podman, version %s, revision %s: %.1f MB on %s\n",
		chart.AppVersion, revision, float64(images[native].size())/1e6, native)
	if !strings.HasSuffix(output, want) {
		t.Errorf("it ends with %q, want %q", output[max(0, len(output)-len(want)):], want)
	}
}
