// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
	"github.com/caseharden/caseharden/e2e/bench/direct"
	"github.com/caseharden/caseharden/e2e/bench/report"
	"github.com/caseharden/caseharden/e2e/bench/servers"
	"github.com/caseharden/caseharden/e2e/cluster"
)

// measure runs the part, or direct and apiserver if it is "".
func measure(ctx context.Context, part string, rounds int) (*report.Report, error) {
	o := apiserver.Options{Rounds: rounds, Log: os.Stderr}
	if part != onlyDirect {
		// First of all, so that nothing is measured on a machine that compiles, or has just.
		binaries, err := cluster.Build(ctx, os.Stderr, "")
		if err != nil {
			return nil, err
		}
		o.ControlPlane = binaries
	}
	r := &report.Report{Date: time.Now().UTC().Truncate(time.Second)}
	var err error
	if r.Machine, err = machine(); err != nil {
		return nil, err
	}
	if r.Versions, err = versions(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "== measuring, some minutes: best on a machine that does nothing else")
	if part == "" || part == onlyDirect {
		result, err := direct.Run(ctx, direct.Options{Rounds: rounds, Corpus: os.Getenv("CORPUS"), Log: os.Stderr})
		if err != nil {
			return nil, err
		}
		r.Direct = &result
	}
	switch part {
	case onlyDirect:
		return r, nil
	case onlyPolicies:
		o.Contenders = apiserver.Policies()
	}
	result, err := apiserver.Run(ctx, o)
	if err != nil {
		return nil, err
	}
	r.APIServer = &result
	r.Versions.Kubernetes = result.Kubernetes
	return r, nil
}

func machine() (report.Machine, error) {
	m := report.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: "an unknown model", Cores: runtime.NumCPU()}
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(data)) {
		// Not every architecture has it.
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m, nil
}

// versions compiles the webhooks and returns what they are made of.
func versions(ctx context.Context) (report.Versions, error) {
	v := report.Versions{Caseharden: "unknown"}
	binaries, err := servers.Compile(ctx, os.Stderr)
	if err != nil {
		return v, err
	}
	info, err := buildinfo.ReadFile(binaries.ControllerRuntime)
	if err != nil {
		return v, err
	}
	v.Go = info.GoVersion
	for _, module := range info.Deps {
		if module.Path == "sigs.k8s.io/controller-runtime" {
			v.ControllerRuntime = module.Version
		}
	}
	if v.ControllerRuntime == "" {
		return v, fmt.Errorf("%s: it is not made of controller-runtime", binaries.ControllerRuntime)
	}
	module, err := cluster.ModuleDir()
	if err != nil {
		return v, err
	}
	// Without git, or in an archive of the source, nobody knows.
	if commit, err := exec.CommandContext(ctx, "git", "-C", module, "describe", "--always", "--abbrev=12", "--dirty").Output(); err == nil {
		v.Caseharden = strings.TrimSpace(string(commit))
	}
	return v, nil
}
