// SPDX-License-Identifier: Apache-2.0

//go:build controlplane

// Command kubelet is the agent of Kubernetes on a node, as its own
// module builds it.
//
// The build tag keeps it out of ./..., so that go test -race does not compile
// all of it a second time; package controlplane builds it.
package main

import (
	"context"
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics, as in the released binary
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	"k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	os.Exit(cli.Run(app.NewKubeletCommand(context.Background())))
}
