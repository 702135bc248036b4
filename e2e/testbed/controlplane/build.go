// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// Binaries are the paths of the control plane's programs.
type Binaries struct {
	Etcd, APIServer string
}

// Build compiles the control plane into dir, or into gobuild.BinDir if dir is empty, and
// reports the progress to w. Where KUBEBUILDER_ASSETS names a directory with both, they are
// taken from there. A first build takes minutes, all others about a second.
// Several processes may call it at the same time.
func Build(ctx context.Context, w io.Writer, dir string) (Binaries, error) {
	if b, there, err := assets(); there && dir == "" {
		return b, err
	}
	dir, err := build(ctx, w, dir, "etcd and kube-apiserver", "etcd", "kube-apiserver")
	return Binaries{
		Etcd:      filepath.Join(dir, "etcd"),
		APIServer: filepath.Join(dir, "kube-apiserver"),
	}, err
}

// BuildNode compiles kube-controller-manager, kube-scheduler and kubelet, of the same
// version as the control plane, and returns the directory of the programs.
func BuildNode(ctx context.Context, w io.Writer) (string, error) {
	return build(ctx, w, "", "kube-controller-manager, kube-scheduler and kubelet",
		"kube-controller-manager", "kube-scheduler", "kubelet")
}

// BuildKubectl compiles kubectl, of the same version as the control plane, and returns its
// path.
func BuildKubectl(ctx context.Context, w io.Writer) (string, error) {
	if kubectl, there := assetKubectl(); there {
		return kubectl, nil
	}
	dir, err := build(ctx, w, "", "kubectl", "kubectl")
	return filepath.Join(dir, "kubectl"), err
}

// build compiles commands that are in directories below this one.
func build(ctx context.Context, w io.Writer, dir, name string, commands ...string) (string, error) {
	module, err := gobuild.ModuleDir()
	if err != nil {
		return "", err
	}
	if dir == "" {
		if dir, err = gobuild.BinDir(); err != nil {
			return "", err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	version, err := versionFlag(ctx, module)
	if err != nil {
		return "", err
	}
	// Without -buildvcs=false each commit would link them again.
	args := []string{"-tags=controlplane", "-buildvcs=false", version}
	for _, command := range commands {
		args = append(args, "./testbed/controlplane/"+command)
	}
	return dir, gobuild.Compile(ctx, w, gobuild.Program{Name: name, Dir: module, Args: args, Out: dir + string(filepath.Separator)})
}

// versionFlag has the API server call itself by its version, as the released
// one does. Otherwise it would be v0.0.0-master, which clients that ask for a
// minimal version refuse.
func versionFlag(ctx context.Context, module string) (string, error) {
	out, err := gobuild.Output(ctx, module, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	return linkerFlags(strings.TrimSpace(out))
}

// linkerFlags returns the flag of go build that makes a program call itself by a version.
func linkerFlags(version string) (string, error) {
	v := regexp.MustCompile(`^v(\d+)\.(\d+)\.`).FindStringSubmatch(version)
	if v == nil {
		return "", fmt.Errorf("k8s.io/kubernetes: version %q is not a release", version)
	}
	const variable = " -X=k8s.io/component-base/version."
	return "-ldflags=" +
		variable + "gitVersion=" + version +
		variable + "gitMajor=" + v[1] +
		variable + "gitMinor=" + v[2], nil
}
