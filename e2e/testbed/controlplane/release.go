// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

//go:embed kube-apiserver/main.go
var apiServerMain []byte

// BuildAPIServer compiles the kube-apiserver of a release, such as v1.30.14, in a module of
// its own, and returns its path. The program is kept: a second call takes no time.
func BuildAPIServer(ctx context.Context, w io.Writer, version string) (string, error) {
	bin, err := gobuild.BinDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(bin), "kube-apiserver-"+version)
	program := filepath.Join(dir, "kube-apiserver")
	if isExecutable(program) {
		return program, nil
	}
	source := filepath.Join(dir, "source")
	if err := os.MkdirAll(source, 0o700); err != nil {
		return "", err
	}
	module, err := releaseModule(ctx, version)
	if err != nil {
		return "", fmt.Errorf("kube-apiserver %s: %w", version, err)
	}
	for name, text := range map[string][]byte{"go.mod": module, "main.go": apiServerMain} {
		if err := os.WriteFile(filepath.Join(source, name), text, 0o600); err != nil {
			return "", err
		}
	}
	flags, err := linkerFlags(version)
	if err != nil {
		return "", err
	}
	// go build -mod=mod fills in go.sum. The name appears when the program is whole.
	err = gobuild.Compile(ctx, w, gobuild.Program{
		Name: "kube-apiserver " + version, Dir: source, Out: program + ".new",
		Args: []string{"-mod=mod", "-tags=controlplane", "-buildvcs=false", flags, "."},
	})
	if err != nil {
		return "", err
	}
	return program, os.Rename(program+".new", program)
}

// releaseModule returns a go.mod that requires k8s.io/kubernetes. Its own go.mod replaces
// the staging modules by directories; here their releases are in place of these.
func releaseModule(ctx context.Context, version string) ([]byte, error) {
	module, err := gobuild.ModuleDir()
	if err != nil {
		return nil, err
	}
	out, err := gobuild.Output(ctx, module, "mod", "download", "-json", "k8s.io/kubernetes@"+version)
	if err != nil {
		return nil, err
	}
	var downloaded struct{ GoMod string }
	if err := json.Unmarshal([]byte(out), &downloaded); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(downloaded.GoMod)
	if err != nil {
		return nil, err
	}
	theirs, err := modfile.Parse(downloaded.GoMod, text, nil)
	if err != nil {
		return nil, err
	}
	staging := "v0." + strings.SplitN(version, ".", 2)[1]
	var ours strings.Builder
	fmt.Fprintf(&ours, "module kube-apiserver\n\ngo %s\n\nrequire k8s.io/kubernetes %s\n\nreplace (\n", theirs.Go.Version, version)
	for _, r := range theirs.Replace {
		if strings.HasPrefix(r.New.Path, "./staging/") {
			fmt.Fprintf(&ours, "\t%s => %s %s\n", r.Old.Path, r.Old.Path, staging)
		}
	}
	// What else they require counts for their program, and so for this one.
	ours.WriteString(")\n\nrequire (\n")
	for _, r := range theirs.Require {
		if !strings.HasPrefix(r.Mod.Path, "k8s.io/") || r.Mod.Version != "v0.0.0" {
			fmt.Fprintf(&ours, "\t%s %s // indirect\n", r.Mod.Path, r.Mod.Version)
		}
	}
	ours.WriteString(")\n")
	return []byte(ours.String()), nil
}
