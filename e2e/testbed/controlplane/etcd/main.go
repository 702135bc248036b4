// SPDX-License-Identifier: Apache-2.0

//go:build controlplane

// Command etcd is the store of the API server, as its own module builds it.
//
// The build tag keeps it out of ./..., so that go test -race does not compile
// all of it a second time; package controlplane builds it.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
