// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

const header = `Caseharden is under the Apache License 2.0 (see LICENSE). Its binary has code of the
following in it, each under its own terms, whose texts stand below.

`

// write writes the components as a table, then each text once, after the names of the files
// that have it.
func write(w io.Writer, components []component) error {
	buffered := bufio.NewWriter(w)
	buffered.WriteString(header)
	table := tabwriter.NewWriter(buffered, 0, 0, 2, ' ', 0)
	for _, c := range components {
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.path, c.version, strings.Join(c.licences(), " AND "))
	}
	if err := table.Flush(); err != nil {
		return err
	}

	owners := map[string][]string{} // by text
	var texts []string              // in the order of the first owner
	for _, c := range components {
		for _, f := range c.files {
			if owners[f.text] == nil {
				texts = append(texts, f.text)
			}
			owners[f.text] = append(owners[f.text], c.path+": "+f.name)
		}
	}
	for _, text := range texts {
		fmt.Fprintf(buffered, "\n%s\n%s\n\n%s", strings.Repeat("=", 80), strings.Join(owners[text], "\n"), text)
	}
	return buffered.Flush()
}
