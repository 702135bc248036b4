// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command probe is the command of a container: it prints what the kernel says of it, a
// kernel.Report in one line of JSON, and waits to be ended. With -whoami it prints what
// the API server says of it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

func main() {
	writes := flag.String("write", "/", "`directories` to write in, with a comma in between")
	files := flag.String("stat", "", "`files` whose owner and mode to print")
	sysctls := flag.String("sysctl", "", "`names` of sysctls to print")
	fill := flag.String("fill", "", "`file` to write two MiB to, which stay")
	who := flag.Bool("whoami", false, "print as whom the API server knows this pod instead")
	exit := flag.Bool("exit", false, "do not wait")
	flag.Parse()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	var err error
	if *fill != "" {
		err = os.WriteFile(*fill, make([]byte, 2<<20), 0o600)
	}
	if *who {
		err = whoami()
	} else if err == nil {
		var report kernel.Report
		if report, err = kernel.Look(list(*writes), list(*files), list(*sysctls)); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(report)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	if !*exit {
		<-signals
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
