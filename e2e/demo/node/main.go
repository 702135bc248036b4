// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command demo shows Caseharden down to the kernel: a whole cluster in which it is
// installed by its chart, and the same legacy Deployment in two namespaces, of which one
// has opted in. What it prints of the containers the kernel says, from inside of them.
//
// It then starts a shell in which kubectl and helm are for that cluster, until that ends;
// with DEMO_EXIT=1, or without a terminal, it ends by itself. It needs a sandbox of its
// own, see command sandbox. The exit code is 0 only if the kernel says what it should.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

//go:embed legacy.yaml
var legacyYAML string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx); {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted; nothing is left")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	title("Starting a cluster, and installing Caseharden in it by Helm")
	c, err := release.Start(ctx, os.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if err := c.Show(ctx, os.Stdout, "get", "pods", "--namespace="+release.Namespace); err != nil {
		return err
	}

	title("The same Deployment in two namespaces, and what the kernel says in its containers")
	fmt.Print(legacyYAML)
	plain, err := deploy(ctx, c, "plain", nil)
	if err != nil {
		return err
	}
	hardened, err := deploy(ctx, c, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
	if err != nil {
		return err
	}
	fmt.Printf("\n%-12s %-24s %s\n", "", "namespace plain", "namespace shop, caseharden.io/enforce: hardened")
	for _, row := range []string{"Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "write to /"} {
		fmt.Printf("%-12s %-24s %s\n", row, plain[row], hardened[row])
	}
	fmt.Println()
	if err := c.Show(ctx, os.Stdout, "get", "pods", "--namespace=shop", `--output=jsonpath={.items[0].metadata.annotations.caseharden\.io/injected}{"\n"}`); err != nil {
		return err
	}
	if plain["Uid"] == hardened["Uid"] || hardened["write to /"] != "EROFS" || strings.Trim(hardened["CapBnd"], "0") != "" {
		return errors.New("the container in namespace shop is not hardened")
	}

	if os.Getenv("DEMO_EXIT") == "1" || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	title("A shell for this cluster; it ends with the shell")
	fmt.Print(`Try
  kubectl label namespace plain caseharden.io/enforce=hardened
  kubectl rollout restart deployment/legacy -n plain
  kubectl rollout status deployment/legacy -n plain
  kubectl logs -n plain deployment/legacy
  kubectl label namespace shop --overwrite caseharden.io/enforce=hardend
  helm upgrade caseharden deploy/chart -n caseharden --reuse-values --set webhook.failurePolicy=Ignore
There is no registry: the images are images.test/probe:1, which prints what the kernel says and has
no shell, and images.test/caseharden:installed. Leave by exit.

`)
	return shell(ctx, c)
}

func title(text string) { fmt.Printf("\n== %s\n\n", text) }

// deploy creates the Deployment in a namespace, and returns what the kernel says in it.
func deploy(ctx context.Context, c *release.Cluster, namespace string, labels map[string]string) (map[string]string, error) {
	if err := c.CreateNamespace(ctx, namespace, labels); err != nil {
		return nil, err
	}
	if _, err := c.Kubectl(ctx, strings.NewReader(legacyYAML), "apply", "--namespace="+namespace, "--filename=-"); err != nil {
		return nil, err
	}
	pod, err := c.Pod(ctx, namespace, "app=legacy")
	if err != nil {
		return nil, err
	}
	report, err := c.Report(ctx, namespace, pod.Name, "app")
	if err != nil {
		return nil, err
	}
	said := report.Status
	said["write to /"] = report.Writes["/"]
	return said, nil
}

// shell runs a shell of the user's, and returns when it has ended.
func shell(ctx context.Context, c *release.Cluster) error {
	name := os.Getenv("SHELL")
	if name == "" {
		name = "/bin/sh"
	}
	bin := filepath.Join(c.Dir(), "bin")
	if err := c.Programs(bin); err != nil {
		return err
	}
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, name)
	cmd.Dir = root                         // where deploy/chart is
	home := filepath.Join(c.Dir(), "home") // of what would stay in the user's
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "KUBECACHEDIR="+home,
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home, "HISTFILE="+filepath.Join(home, "history"),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// The terminal has to be its own: this process is in another group than what was
	// started there.
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: int(os.Stdin.Fd())}
	err = cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		return nil // with the code of the last command in it
	}
	return err
}
