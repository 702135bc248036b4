// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
)

// The table of fields in the documentation of profiles is made from the catalogue.
func TestProfilesDocumentIsCurrent(t *testing.T) {
	doctest.Check(t, "../docs/profiles.md", "fields", "./defaults", fieldTable())
}

func fieldTable() string {
	var b strings.Builder
	b.WriteString("| field | in `container` | in `pod` | pods for | must be |\n|---|---|---|---|---|\n")
	for _, f := range Fields() {
		if f.AuthorOnly {
			fmt.Fprintf(&b, "| `%s` | | | | no profile may set it: only the author of a pod may |\n", f.Name)
			continue
		}
		at := func(level Level) string {
			if f.Levels&level != 0 {
				return "yes"
			}
			return ""
		}
		system := map[OS]string{Linux: "Linux", Windows: "Windows", "": "any"}[f.OS]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, at(ContainerLevel), at(PodLevel), system, strings.ReplaceAll(f.Values.Must, "|", `\|`))
	}
	return b.String()
}
