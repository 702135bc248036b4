// SPDX-License-Identifier: Apache-2.0

// Command man writes the manual pages of caseharden to a directory, for releases. The date
// of the pages is SOURCE_DATE_EPOCH.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra/doc"

	"github.com/caseharden/caseharden/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man DIRECTORY")
		os.Exit(2)
	}
	root := cli.Root(cli.Build{Version: os.Getenv("VERSION")})
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "caseharden " + root.Version, Manual: "Caseharden"}
	if err := doc.GenManTree(root, header, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}
