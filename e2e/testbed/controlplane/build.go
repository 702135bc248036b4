// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Binaries are the paths of the control plane's programs.
type Binaries struct {
	Etcd, APIServer string
}

// Build compiles the control plane into dir, or into BinDir if dir is empty,
// and reports the progress to w. A first build takes minutes, all others about
// a second. Several processes may call it at the same time.
func Build(ctx context.Context, w io.Writer, dir string) (Binaries, error) {
	module, err := ModuleDir()
	if err != nil {
		return Binaries{}, err
	}
	if dir == "" {
		if dir, err = BinDir(); err != nil {
			return Binaries{}, err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return Binaries{}, err
	}
	version, err := versionFlag(ctx, module)
	if err != nil {
		return Binaries{}, err
	}
	err = Compile(ctx, w, Program{
		Name: "etcd and kube-apiserver",
		Dir:  module,
		// Without -buildvcs=false each commit would link them anew.
		Args: []string{"-tags=controlplane", "-buildvcs=false", version, "./testbed/controlplane/etcd", "./testbed/controlplane/kube-apiserver"},
		Out:  dir + string(filepath.Separator),
	})
	return Binaries{
		Etcd:      filepath.Join(dir, "etcd"),
		APIServer: filepath.Join(dir, "kube-apiserver"),
	}, err
}

// BuildNode compiles kube-controller-manager, kube-scheduler and kubelet, of the same
// version as the control plane, into BinDir, and returns it. It reports its progress to w.
func BuildNode(ctx context.Context, w io.Writer) (string, error) {
	module, err := ModuleDir()
	if err != nil {
		return "", err
	}
	dir, err := BinDir()
	if err != nil {
		return "", err
	}
	version, err := versionFlag(ctx, module)
	if err != nil {
		return "", err
	}
	return dir, Compile(ctx, w, Program{
		Name: "kube-controller-manager, kube-scheduler and kubelet",
		Dir:  module,
		Args: []string{"-tags=controlplane", "-buildvcs=false", version,
			"./testbed/controlplane/kube-controller-manager", "./testbed/controlplane/kube-scheduler", "./testbed/controlplane/kubelet"},
		Out: dir + string(filepath.Separator),
	})
}

// versionFlag has the API server call itself by its version, as the released
// one does. Otherwise it would be v0.0.0-master, which clients that ask for a
// minimal version refuse.
func versionFlag(ctx context.Context, module string) (string, error) {
	out, err := goOutput(ctx, module, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	v := regexp.MustCompile(`^v(\d+)\.(\d+)\.`).FindStringSubmatch(out)
	if v == nil {
		return "", fmt.Errorf("k8s.io/kubernetes: version %q is none of a release", out)
	}
	const variable = " -X=k8s.io/component-base/version."
	return "-ldflags=" +
		variable + "gitVersion=" + strings.TrimSpace(out) +
		variable + "gitMajor=" + v[1] +
		variable + "gitMinor=" + v[2], nil
}

// ModuleDir returns the directory of the module that this package is in, and
// whose go.mod says which Kubernetes is built. It is looked for from the working
// directory upwards, in the directory e2e of each as well, and so found from
// anywhere in the repository. The path of this source file, which the compiler
// could give, is lost under -trimpath.
func ModuleDir() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "e2e")} {
			mod, err := os.ReadFile(filepath.Join(candidate, "go.mod"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", err
			}
			if strings.HasPrefix(string(mod), "module github.com/caseharden/caseharden/e2e\n") {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("module github.com/caseharden/caseharden/e2e: not found from %s upwards", wd)
		}
	}
}

// BinDir returns the directory for compiled programs, in the user's cache. Each
// checkout of the repository has its own, so that two of them never run each
// other's programs.
func BinDir() (string, error) {
	module, err := ModuleDir()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "caseharden", fmt.Sprintf("%x", sha256.Sum256([]byte(module)))[:12]), nil
}
