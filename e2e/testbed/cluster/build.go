// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// programs are the paths of what a whole cluster runs.
type programs struct {
	controlPlane                          controlplane.Binaries
	controllerManager, scheduler, kubelet string
	containerd, shim, ctr                 string
	cni                                   string // the directory of the plugins
	runc                                  string
	kubectl                               string
	pause, probe                          string
}

// Build compiles all that a whole cluster runs, and reports the progress to w. A first
// build takes minutes, all others some seconds. Several processes may call it at the same
// time.
func Build(ctx context.Context, w io.Writer) error {
	_, err := build(ctx, w)
	return err
}

var (
	mu    sync.Mutex // guards the following
	built *programs  // by this process: to find out that all is up to date takes seconds
)

func build(ctx context.Context, w io.Writer) (programs, error) {
	mu.Lock()
	defer mu.Unlock()
	if built == nil {
		p, err := buildAll(ctx, w)
		if err != nil {
			return programs{}, err
		}
		built = &p
	}
	return *built, nil
}

func buildAll(ctx context.Context, w io.Writer) (p programs, err error) {
	// The only program that is not compiled here: it needs C and libseccomp.
	if p.runc, err = exec.LookPath("runc"); err != nil {
		return p, errors.New("runc is missing: install it, on Debian by apt-get install runc")
	}
	if p.controlPlane, err = controlplane.Build(ctx, w, ""); err != nil {
		return p, err
	}
	bin, err := controlplane.BuildNode(ctx, w)
	if err != nil {
		return p, err
	}
	p.controllerManager = filepath.Join(bin, "kube-controller-manager")
	p.scheduler = filepath.Join(bin, "kube-scheduler")
	p.kubelet = filepath.Join(bin, "kubelet")
	if p.kubectl, err = controlplane.BuildKubectl(ctx, w); err != nil {
		return p, err
	}
	if p.cni, err = tools.Build(ctx, w, "cni"); err != nil {
		return p, err
	}
	if bin, err = tools.Build(ctx, w, "containerd"); err != nil {
		return p, err
	}
	p.containerd = filepath.Join(bin, "containerd")
	p.shim = filepath.Join(bin, "containerd-shim-runc-v2")
	p.ctr = filepath.Join(bin, "ctr")
	module, err := gobuild.ModuleDir()
	if err != nil {
		return p, err
	}
	if p.pause, err = CompileStatic(ctx, w, "pause", module, "./testbed/cluster/pause"); err != nil {
		return p, err
	}
	p.probe, err = CompileStatic(ctx, w, "probe", module, "./testbed/cluster/probe")
	return p, err
}

// CompileStatic compiles a command, in a module's directory, so that it runs in an image of
// nothing else, and returns the path of the program.
func CompileStatic(ctx context.Context, w io.Writer, name, dir, pkg string) (string, error) {
	bin, err := gobuild.BinDir()
	if err != nil {
		return "", err
	}
	out := filepath.Join(bin, "static", name)
	return out, gobuild.Compile(ctx, w, gobuild.Program{
		Name: name,
		Dir:  dir,
		// Without these it might link the C library.
		Args: []string{"-tags=netgo,osusergo", "-buildvcs=false", pkg},
		Out:  out,
	})
}
