// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"os"
	"strings"
	"testing"
)

func TestImagePattern(t *testing.T) {
	const digest = "@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	for _, tt := range []struct {
		glob, image string
		want        bool
	}{
		// An image is what it stands for, with or without tag and digest.
		{"docker.io/jenkins/jenkins", "jenkins/jenkins:lts", true},
		{"jenkins/jenkins", "jenkins/jenkins", true},
		{"jenkins/jenkins", "docker.io/jenkins/jenkins:lts" + digest, true},
		{"jenkins/jenkins", "index.docker.io/jenkins/jenkins", true},
		{"jenkins/jenkins", "quay.io/jenkins/jenkins", false},
		{"jenkins/jenkins", "jenkins/jenkins2", false},
		{"jenkins/jenkins", "jenkins", false},
		{"nginx", "nginx:1.27", true},
		{"nginx", "docker.io/library/nginx", true},
		{"nginx", "library/nginx", true},
		{"docker.io/nginx", "nginx", true},
		{"index.docker.io/nginx", "nginx", true},
		{"docker.io/library/nginx", "nginx" + digest, true},
		{"nginx", "bitnami/nginx", false},
		{"nginx", "localhost/nginx", false},
		{"localhost/nginx", "localhost/nginx:x", true},
		{"localhost:5000/nginx", "localhost:5000/nginx:x", true},
		{"registry.example.com:5000/team/app", "registry.example.com:5000/team/app:v1", true},
		{"registry.example.com/team/app", "registry.example.com:5000/team/app", false},

		// Stars.
		{"jenkins/*", "jenkins/inbound-agent", true},
		{"jenkins/*", "jenkins/a/b", false},
		{"registry.example.com/*/app", "registry.example.com/team/app", true},
		{"registry.example.com/*/app", "registry.example.com/app", false},
		{"registry.example.com/*/app", "registry.example.com/a/b/app", false},
		{"*.example.com/app", "eu.example.com/app", true},
		{"*.example.com/app", "example.com/app", false},
		{"ghcr.io/org/**", "ghcr.io/org/a/b:x", true},
		{"ghcr.io/org/**", "ghcr.io/organic/a", false},
		{"ghcr.io/**/app", "ghcr.io/app", true},
		{"ghcr.io/**/app", "ghcr.io/a/b/app", true},
		{"**/nginx", "quay.io/nginx/nginx", true},
		{"**/nginx", "nginx", true},
		{"**/nginx", "nginx-unprivileged", false},
		{"**", "anything/at/all", true},
		{"docker.io/**", "nginx", true},
		{"docker.io/**", "a/b/c", true},
		{"docker.io/**", "quay.io/a/b", false},
		{"index.docker.io/**/nginx", "a/nginx", true},
		{"docker.io/**/nginx", "quay.io/a/nginx", false},
		{"docker.io/*", "nginx", true},
		{"*", "nginx", true},
		{"*", "anything/at/all", true},
		{"*", "registry.example.com:5000/a/b/c:1", true},
		{"**/*", "nginx", true},
		{"**/*", "quay.io/a/b", true},
		{"docker.io/*/*", "a/b", true},
		{"docker.io/*/*", "nginx", true},
		{"docker.io/*/*", "quay.io/a/b", false},
		{"docker.io/library/foo.bar", "foo.bar", true},
		{"docker.io/foo.bar/x", "docker.io/foo.bar/x", true},
		{"docker.io/foo.bar/x", "foo.bar/x", false},
		{"Registry/x", "Registry/x", true},
		{"nginx*", "nginx-unprivileged", true},
		{"nginx*", "nginxinc/nginx-unprivileged", false},
		{"nginx*", "quay.io/nginx", false},
		{"a.b/c", "axb/c", false}, // a dot is a dot

		// What is no image is of no repository.
		{"**", "", false},
		{"**", "UPPER", false},
		{"**", "a b", false},
	} {
		pattern, err := parseImagePattern(tt.glob)
		if err != nil {
			t.Errorf("%s: %v", tt.glob, err)
			continue
		}
		if got := pattern.Matches(repositoryOf(tt.image)); got != tt.want {
			t.Errorf("%s has %q: %t, want %t", tt.glob, tt.image, got, tt.want)
		}
		if pattern.Glob != tt.glob {
			t.Errorf("%s is written as %s", tt.glob, pattern.Glob)
		}
	}
}

// What the documentation says of image patterns.
func TestImagesInTheDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "### Images\n")
	section, _, _ = strings.Cut(section, "\n## ")
	tried := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.Contains(cells[1], "`") {
			continue
		}
		list := func(cell string) []string {
			return strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune("`, ", r) })
		}
		for _, glob := range list(cells[1]) {
			tried++
			pattern, err := parseImagePattern(glob)
			if refused := strings.HasPrefix(cells[2], " refused: "); refused || err != nil {
				if !refused || err == nil {
					t.Errorf("%s is refused: %t (%v), want %t", glob, err != nil, err, refused)
				}
				continue
			}
			for want, cell := range map[bool]string{true: cells[3], false: cells[4]} {
				for _, image := range list(cell) {
					if pattern.Matches(repositoryOf(image)) != want {
						t.Errorf("%s matches %s: %t, want %t", glob, image, !want, want)
					}
				}
			}
		}
	}
	if want := 16; tried != want {
		t.Errorf("%d patterns were tried, want %d", tried, want)
	}
}
