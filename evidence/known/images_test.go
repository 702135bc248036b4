// SPDX-License-Identifier: Apache-2.0

package known

import (
	"strconv"
	"strings"
	"testing"
)

const digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000001"

// An image is known by its whole repository, however its name is written. A tag decides on
// the variant.
func TestFor(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"nginx":                         "docker.io/library/nginx 101",
		"nginx:1.29":                    "docker.io/library/nginx 101",
		"library/nginx":                 "docker.io/library/nginx 101",
		"docker.io/nginx":               "docker.io/library/nginx 101",
		"index.docker.io/library/nginx": "docker.io/library/nginx 101",
		"nginx:1.29-alpine" + digest:    "docker.io/library/nginx 101",
		"nginx" + digest:                "docker.io/library/nginx 101", // all its variants are alike

		"postgres":                       "docker.io/library/postgres 999",
		"postgres:16":                    "docker.io/library/postgres 999",
		"postgres:16-alpine":             "docker.io/library/postgres 70",
		"postgres:alpine3.23":            "docker.io/library/postgres 70",
		"postgres:16-alpine" + digest:    "docker.io/library/postgres 70",
		"redis:8-alpine":                 "docker.io/library/redis 999",
		"php:8.4-fpm":                    "docker.io/library/php 33",
		"php:8.4-fpm-alpine3.23":         "docker.io/library/php 82",
		"php:8.4":                        "docker.io/library/php 0",
		"gcr.io/distroless/static":       "gcr.io/distroless/* 0",
		"gcr.io/distroless/base:nonroot": "gcr.io/distroless/* 65532",
		"gcr.io/distroless/cc-debian12:debug-nonroot": "gcr.io/distroless/* 65532",
		"bitnami/kafka:3.9":                           "docker.io/bitnami/* 1001",
		"bitnami/redis:7.4":                           "docker.io/bitnami/redis 1001",
		"bitnamilegacy/nginx":                         "docker.io/bitnami/* 1001",
		"quay.io/prometheus/prometheus:v3":            "docker.io/prom/prometheus 65534",
		"gitea/gitea:1.24-rootless":                   "docker.io/gitea/gitea 1000",

		// Copies of Docker Hub and of nothing else.
		"mirror.gcr.io/library/postgres:17-alpine": "docker.io/library/postgres 70",
		"mirror.gcr.io/grafana/grafana":            "docker.io/grafana/grafana 472",
		"public.ecr.aws/docker/library/nginx:1.29": "docker.io/library/nginx 101",

		// Near misses.
		"":              "",
		"Nginx":         "",
		"nginx:":        "",
		"nginxx":        "",
		"example/nginx": "",
		"registry.example.com/mirror/library/nginx": "",
		"registry.example.com/nginx":                "",
		"localhost:5000/library/nginx":              "",
		"docker.io:443/library/nginx":               "",
		"ghcr.io/library/nginx":                     "",
		"mirror.gcr.io.example.com/library/nginx":   "",
		"mirror.gcr.io/nginx":                       "", // it fills in no library/
		"public.ecr.aws/nginx/nginx":                "",
		"bitnami":                                   "",
		"bitnami/charts/redis":                      "",
		"gcr.io/distroless":                         "",
		"gcr.io/distroless/a/b":                     "",
		"postgres" + digest:                         "", // which variant?
		"gcr.io/distroless/static" + digest:         "",
	} {
		facts, ok := For(image)
		got := ""
		if ok {
			got = facts.Image
			if facts.UID != nil {
				got += " " + strconv.FormatInt(*facts.UID, 10)
			}
		}
		if got != want || ok != (want != "") || !ok && facts != nil {
			t.Errorf("For(%q) = %q, %t, want %q", image, got, ok, want)
		}
	}
}

// Variants that match change facts one after the other, and the facts tell which.
func TestVariants(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"postgres":               " /var/lib/postgresql",
		"postgres:18.1":          " /var/lib/postgresql",
		"postgres:16.9":          "1[4-7] 1[4-7].* 1[4-7]-* /var/lib/postgresql/data",
		"postgres:15-alpine3.23": "1[4-7] 1[4-7].* 1[4-7]-* *alpine* /var/lib/postgresql/data",
		"postgres:180":           " /var/lib/postgresql",
	} {
		facts, ok := For(image)
		if !ok {
			t.Fatalf("For(%q) knows nothing", image)
		}
		if got := strings.Join(facts.Tags, " ") + " " + strings.Join(facts.Data, " "); got != want {
			t.Errorf("For(%q) has tags and data %q, want %q", image, got, want)
		}
	}
}

// Who gets facts may change them: the next one gets the facts of the file.
func TestForReturnsCopies(t *testing.T) {
	t.Parallel()
	facts, _ := For("nginx")
	facts.Note = "changed"
	if again, _ := For("nginx"); again.Note == "changed" {
		t.Error("a change of facts changed those of the next caller")
	}
}
