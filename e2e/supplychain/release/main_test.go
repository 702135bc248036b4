// SPDX-License-Identifier: Apache-2.0

//go:build image

// Package release tests how a release is made: deploy/release.sh makes one of what is checked
// out, as the workflow does, and pushes it to a registry on loopback. Keys made for the test
// take the place of the workflow's identity. The tests then use the release as its users do.
package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/supplychain/imagebuild"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/registry"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// What the tests share.
var (
	repository, version string
	files               string // where the files of the release are
	host                string // of the registry
	cosign, helm        string
	keyring             string // the public OpenPGP key
	environment         []string
)

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (int, error) { return run(ctx, m) })
}

func run(ctx context.Context, m *testing.M) (code int, err error) {
	dir := os.Getenv("IMAGE_TEST_DIR")
	if dir == "" {
		return 0, errors.New("IMAGE_TEST_DIR is not set: these tests are for make release DRY_RUN=1, which removes what they leave")
	}
	if repository, err = gobuild.RepositoryDir(); err != nil {
		return 0, err
	}
	if version, err = chartVersion(); err != nil {
		return 0, err
	}
	if cosign, err = tools.Cosign(ctx, os.Stderr); err != nil {
		return 0, err
	}
	if helm, err = tools.Helm(ctx, os.Stderr); err != nil {
		return 0, err
	}
	binary, err := tools.Registry(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	images := filepath.Join(dir, "registry")
	if err := os.Mkdir(images, 0o700); err != nil {
		return 0, err
	}
	r, err := registry.Start(ctx, binary, images, registry.Options{User: "release", Password: "of a test"})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Stop()) }()
	host = r.Host
	if err := r.WriteDockerConfig(dir); err != nil {
		return 0, err
	}
	builder, err := imagebuild.New(ctx, dir)
	if err != nil {
		return 0, err
	}
	files = filepath.Join(dir, "files")
	environment = []string{
		"DRY_RUN=1", "VERSION=" + version, "REGISTRY=" + host + "/caseharden", "OUT=" + files,
		"SOURCE=https://github.com/caseharden/caseharden", "COSIGN=" + cosign, "HELM=" + helm,
		"DOCKER_CONFIG=" + dir, "SSL_CERT_FILE=" + r.CAFile, "COSIGN_PASSWORD=",
		"CONTAINERS_CONF=" + filepath.Join(dir, "containers.conf"), "CONTAINERS_STORAGE_CONF=" + filepath.Join(dir, "storage.conf"), // of the builder
		"GNUPGHOME=" + filepath.Join(dir, "gnupg"),
	}
	if err := makeKeys(ctx, dir); err != nil {
		return 0, err
	}
	release := builder.Command(ctx, repository, "deploy/release.sh")
	release.Env = append(append(append(release.Env, environment...), builder.Cache()), strings.Split(strings.ReplaceAll(strings.Join(builder.Sources(), "\n"), "GOPROXY=", "IMAGE_GOPROXY="), "\n")...)
	release.Stdout, release.Stderr = os.Stderr, os.Stderr
	if err := release.Run(); err != nil {
		return 0, fmt.Errorf("deploy/release.sh: %w", err)
	}
	return m.Run(), nil
}

// makeKeys makes the keys that sign, and adds the flags that use them to the environment. No
// service is asked: neither a log of signatures nor a clock.
func makeKeys(ctx context.Context, dir string) error {
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(at("gnupg"), 0o700); err != nil {
		return err
	}
	keyring = at("public.gpg")
	const user = "dry-run@example.com"
	for _, args := range [][]string{
		{cosign, "generate-key-pair"},
		{cosign, "signing-config", "create", "--out", at("signing.json")},
		{cosign, "trusted-root", "create", "--out", at("trusted.json")},
		{"gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", user, "rsa3072", "sign", "never"},
		{"gpg", "--batch", "--quiet", "--output", at("secret.gpg"), "--export-secret-keys", user},
		{"gpg", "--batch", "--quiet", "--output", keyring, "--export", user},
	} {
		if _, err := output(ctx, dir, args...); err != nil {
			return err
		}
	}
	environment = append(environment,
		"SIGN_FLAGS=--key="+at("cosign.key")+" --signing-config="+at("signing.json")+" --trusted-root="+at("trusted.json"),
		"VERIFY_FLAGS=--key="+at("cosign.pub")+" --trusted-root="+at("trusted.json")+" --insecure-ignore-tlog=true",
		"CHART_KEY="+user, "CHART_KEYRING="+at("secret.gpg"))
	return nil
}

// output runs a program in a directory, in the environment of the release, and returns what
// it prints. Variables may precede it.
func output(ctx context.Context, dir string, args ...string) (string, error) {
	env := append(os.Environ(), environment...)
	for strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}

func chartVersion() (string, error) {
	data, err := os.ReadFile(filepath.Join(repository, "deploy", "chart", "Chart.yaml"))
	if err != nil {
		return "", err
	}
	var chart struct{ AppVersion string }
	err = yaml.Unmarshal(data, &chart)
	return chart.AppVersion, err
}
