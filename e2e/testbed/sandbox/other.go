// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "sandbox: it is made of Linux namespaces and cgroups: use a virtual machine with Linux")
	os.Exit(failed)
}
