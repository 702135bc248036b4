// SPDX-License-Identifier: Apache-2.0

// Package reference reads the tables of docs/reference.md, which are made from the code.
package reference

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// A Conflict is the reason for which a field is skipped.
type Conflict struct{ Field, Reason string }

// Conflicts returns how many rows of the table of conflicts each of them has.
func Conflicts() (map[Conflict]int, error) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "reference.md"))
	if err != nil {
		return nil, err
	}
	_, table, _ := strings.Cut(string(text), "<!-- conflicts")
	table, _, found := strings.Cut(table, "<!-- end of conflicts")
	if !found {
		return nil, errors.New("docs/reference.md has no table of conflicts")
	}
	rows := map[Conflict]int{}
	field := ""
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !strings.Contains(cells[2], "`") {
			continue
		}
		if name := strings.Trim(cells[0], "| `"); name != "" {
			field = name
		}
		rows[Conflict{field, strings.Trim(cells[2], "`")}]++
	}
	return rows, nil
}
