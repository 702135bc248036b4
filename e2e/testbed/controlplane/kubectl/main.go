// SPDX-License-Identifier: Apache-2.0

//go:build controlplane

// Command kubectl is the client of Kubernetes, as its own module builds it, so
// that the commands in the documentation run as they stand there.
//
// The build tag keeps it out of ./..., so that go test -race does not compile
// all of it a second time; package controlplane builds it.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // ways to authenticate, as in the released binary
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
