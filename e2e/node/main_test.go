// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

// Package node tests what becomes of pods that run: on a whole cluster in which Caseharden
// is installed as a user would, the kernel is asked. make test-cluster runs it.
package node

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/release"
)

// c is the cluster that the tests share.
var c *release.Cluster

func TestMain(m *testing.M) {
	var err error
	if c, err = release.Start(context.Background(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := c.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop:", err)
		code = 1
	}
	os.Exit(code)
}

// enforcing is the label of a namespace that enforces a profile.
func enforcing(profile string) map[string]string {
	return map[string]string{"caseharden.io/enforce": profile}
}
