// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "log"

func main() { log.Fatal("bench: needs Linux, which reports the CPU time of a child process") }
