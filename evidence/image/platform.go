// SPDX-License-Identifier: Apache-2.0

package image

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A platform is what an image is for.
type platform struct{ os, arch, variant string }

// A wish is the platform that is looked for.
type wish struct {
	platform
	guessed bool // nobody asked for it
}

func (p platform) String() string {
	s := p.os + "/" + p.arch
	if p.variant != "" {
		s += "/" + p.variant
	}
	return s
}

func parsePlatform(s string) (platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || strings.Contains("/"+s+"/", "//") {
		return platform{}, fmt.Errorf("%q: must be os/arch or os/arch/variant, such as linux/arm64", s)
	}
	p := platform{os: parts[0], arch: parts[1]}
	if len(parts) == 3 {
		p.variant = parts[2]
	}
	return p.normal(), nil
}

// The platforms on which Kubernetes runs containers, in the words of Go.
var (
	systems       = []string{"linux", "windows"}
	architectures = []string{"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"}
)

// check returns an error for a platform on which Kubernetes runs no containers. Images for it
// could be read, but it is a misspelling.
func (p platform) check() error {
	switch {
	case !slices.Contains(systems, p.os):
		return fmt.Errorf("%q: the operating system must be %s, as in linux/arm64", p, strings.Join(systems, " or "))
	case !slices.Contains(architectures, p.arch):
		return fmt.Errorf("%q: the architecture must be one of %s, as in linux/arm64", p, strings.Join(architectures, ", "))
	case p.variant == "":
		return nil
	}
	if _, err := strconv.ParseUint(strings.TrimPrefix(p.variant, "v"), 10, 8); err != nil {
		return fmt.Errorf("%q: the variant must be v and a number, as in linux/arm/v7", p)
	}
	return nil
}

// platformOf returns the platform of a descriptor or of a configuration.
func platformOf(p ocispec.Platform) platform {
	return platform{os: p.OS, arch: p.Architecture, variant: p.Variant}.normal()
}

// normal returns the platform in the words of Go, and without the variant that is meant where
// none is named.
func (p platform) normal() platform {
	p.os, p.arch, p.variant = strings.ToLower(p.os), strings.ToLower(p.arch), strings.ToLower(p.variant)
	switch p.arch {
	case "x86_64", "x86-64":
		p.arch = "amd64"
	case "aarch64":
		p.arch = "arm64"
	case "armhf":
		p.arch = "arm"
	case "armel":
		p.arch, p.variant = "arm", "v6"
	}
	switch p.arch + "/" + p.variant {
	case "amd64/v1", "arm64/v8", "arm64/8", "arm/v7", "arm/7":
		p.variant = ""
	}
	return p
}

// fit says how well an image for this platform runs on another: 0 is not at all.
func (p platform) fit(on platform) int {
	switch {
	case p.os != on.os || p.arch != on.arch:
		return 0
	case p.variant == on.variant:
		return 100
	case p.arch == "arm" || p.arch == "amd64" || p.arch == "arm64":
		// Processors run what is made for those before them.
		have, can := level(p), level(on)
		if have <= can {
			return 1 + have
		}
	}
	return 0
}

// level returns the number in a variant such as v7.
func level(p platform) int {
	n := 0
	for _, digit := range strings.TrimPrefix(p.variant, "v") {
		if digit < '0' || digit > '9' || n > 9 {
			break
		}
		n = 10*n + int(digit-'0')
	}
	return cmp.Or(n, map[string]int{"amd64": 1, "arm64": 8, "arm": 7}[p.arch])
}

// wanted returns the platform to look for: that of the options, of the nodes, or linux/amd64.
func (r *Reader) wanted(nodes string) wish {
	if r.platform != nil {
		return wish{platform: *r.platform}
	}
	if p, err := parsePlatform(nodes); err == nil {
		return wish{platform: p}
	}
	return wish{platform: platform{os: "linux", arch: "amd64"}, guessed: true}
}
