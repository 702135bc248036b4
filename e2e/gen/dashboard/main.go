// SPDX-License-Identifier: Apache-2.0

// Command dashboard prints deploy/chart/files/dashboard.json, for Grafana. What it shows
// is in panels.go, and grafana.go says it in Grafana's terms.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func print(w io.Writer) error {
	d, err := newDashboard(rows).Build()
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // queries compare
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}
