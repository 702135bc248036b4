// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"
	"testing"
)

func TestMeantImages(t *testing.T) {
	names := []string{
		"registry.example.com/shop/api:1", "registry.example.com/shop/web:2", "registry.example.com/shop/web:1",
		"nginx", "quay.io/library/redis:7", "postgres@sha256:0000000000000000000000000000000000000000000000000000000000000000", "A//b",
	}
	for misspelled, want := range map[string][]string{
		"registry.example.com/shop/api:2": {"registry.example.com/shop/api:1"},                                    // the tag
		"registry.example.com/shop/web":   {"registry.example.com/shop/web:1", "registry.example.com/shop/web:2"}, // no tag
		"registry.example.org/shop/api:1": {"registry.example.com/shop/api:1"},                                    // the host
		"localhost:5000/shop/api":         {"registry.example.com/shop/api:1"},                                    // the host and the tag
		"shop/api:1":                      {"registry.example.com/shop/api:1"},                                    // no host
		"api:1":                           {"registry.example.com/shop/api:1"},                                    // the last part alone
		"docker.io/library/nginx:1.27":    {"nginx"},
		"redis:7":                         {"quay.io/library/redis:7"},
		"postgres:17":                     names[5:6],
		"registry.example.com/shop/apj:1": {"registry.example.com/shop/api:1"}, // a letter
		"ngimx":                           {"nginx"},
		"other:1":                         nil,
		"":                                nil,
	} {
		if got := meantImages(misspelled, names); !slices.Equal(got, want) {
			t.Errorf("meantImages(%q) = %q, want %q", misspelled, got, want)
		}
	}
}
