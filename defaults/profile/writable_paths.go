// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/caseharden/caseharden/defaults"
)

func readWritablePaths(at value) []defaults.WritablePath {
	var paths []defaults.WritablePath
	elements := at.elements("a list of {path, sizeLimit}")
	if len(elements) > MaxWritablePaths {
		at.errorf("must have at most %d paths, has %d", MaxWritablePaths, len(elements))
	}
	for _, e := range elements {
		if e.resolved().Kind != yaml.MappingNode {
			e.must("an object {path, sizeLimit}")
			continue
		}
		members := e.only("path", "sizeLimit")
		var p defaults.WritablePath
		if at, found := members["path"]; !found {
			e.errorf("path: must be set")
		} else if p.Path = at.text("a path"); p.Path != "" && !IsMountable(p.Path) {
			at.must("an absolute path without //, /./, /../, a : or a / at its end, and not /, in /dev, /proc or /sys, or one of /etc/hosts, /etc/hostname and /etc/resolv.conf")
		}
		if at, found := members["sizeLimit"]; found && !at.isNull() {
			if quantity, err := resource.ParseQuantity(at.resolved().Value); err != nil || quantity.Sign() <= 0 {
				at.must("a quantity of bytes above zero, such as 64Mi")
			} else {
				p.SizeLimit = quantity.String()
			}
		}
		if slices.ContainsFunc(paths, func(other defaults.WritablePath) bool { return other.Path == p.Path }) {
			e.errorf("path: %s is there twice", p.Path)
		}
		paths = append(paths, p)
	}
	return paths
}

// IsMountable reports whether a directory can be mounted at the path in any
// container. ValidateVolumeMounts in kubernetes/pkg/apis/core/validation refuses
// a colon; a container runtime mounts /proc, /sys and /dev itself, and the kubelet
// the files in /etc and the termination log in /dev.
func IsMountable(p string) bool {
	below := func(dir string) bool { return strings.HasPrefix(p+"/", dir+"/") }
	reserved := p == "/" || below("/dev") || below("/proc") || below("/sys") ||
		slices.Contains([]string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}, p)
	return path.IsAbs(p) && path.Clean(p) == p && !strings.ContainsAny(p, ":\x00") && len(p) < 256 && !reserved
}
