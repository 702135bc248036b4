// SPDX-License-Identifier: Apache-2.0

//go:build controlplane

// Command kube-controller-manager is the controllers of Kubernetes in one program, as its own
// module builds it.
//
// The build tag keeps it out of ./..., so that go test -race does not compile
// all of it a second time; package controlplane builds it.
package main

import (
	"os"
	_ "time/tzdata" // time zones of CronJobs, as in the released binary

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics, as in the released binary
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	os.Exit(cli.Run(app.NewControllerManagerCommand()))
}
