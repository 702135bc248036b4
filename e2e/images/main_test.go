// SPDX-License-Identifier: Apache-2.0

//go:build linux

package images

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/registry"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

var (
	binary          string // of caseharden
	registryProgram string
	private         *registry.Registry // with TLS and a password
	privateDir      string             // with its files
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx := context.Background()
	var err error
	if binary, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return 1, err
	}
	if registryProgram, err = tools.Registry(ctx, os.Stderr); err != nil {
		return 1, err
	}
	if privateDir, err = os.MkdirTemp("", "caseharden-registry-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(privateDir)
	if private, err = registry.Start(ctx, registryProgram, privateDir, registry.Options{User: "reader", Password: "pass word"}); err != nil {
		return 1, err
	}
	code := m.Run()
	return code, private.Stop()
}
