// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/caseharden/caseharden/internal/cli"
	"github.com/caseharden/caseharden/internal/server"
)

// TestMain makes this test binary the command "caseharden" too, with the race detector
// where the tests have it.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"caseharden": func() {
		os.Exit(cli.Run(context.Background(), cli.Build{}, os.Args[1:], os.Stdout, os.Stderr))
	}})
}

// A suite is all the tests, and clears up after them.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer func() {
		if builtDir != "" {
			os.RemoveAll(builtDir)
		}
	}()
	return s.M.Run()
}

// The limits that clients are held to.
const (
	maxHeaderBytes      = server.MaxHeaderBytes
	maxConnections      = server.MaxConnections
	maxPlainConnections = server.MaxPlainConnections
	maxStreams          = server.MaxStreams
	headerTimeout       = server.HeaderTimeout
	readTimeout         = server.ReadTimeout
	writeTimeout        = server.WriteTimeout
)
