// SPDX-License-Identifier: Apache-2.0

// Command caseharden is a Kubernetes mutating admission webhook that fills in
// the security settings which the authors of pods left unset.
//
// What is decided is in package defaults, how it reaches the API server in package
// mutate, and where the certificate comes from in package certs. The commands are in
// internal/cli, and what serves is in internal/server.
package main

import (
	"context"
	"os"

	"github.com/caseharden/caseharden/internal/cli"
)

// version and revision are set by the linker, -ldflags "-X main.version=1.2.3", as the
// build of an image does not see the repository.
var version, revision string

func main() {
	build := cli.Build{Version: version, Revision: revision}
	os.Exit(cli.Run(context.Background(), build, os.Args[1:], os.Stdout, os.Stderr))
}
