// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary the command "caseharden" too.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caseharden": func() {
		os.Exit(Run(context.Background(), Build{}, os.Args[1:], os.Stdout, os.Stderr))
	}})
}
