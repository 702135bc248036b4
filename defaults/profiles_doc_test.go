// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table of fields in the documentation of profiles is made from the catalogue.
func TestProfilesDocumentIsCurrent(t *testing.T) {
	checkGenerated(t, "../docs/profiles.md", "fields", fieldTable())
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

// What the documentation says of image patterns.
func TestImagesInTheDocumentation(t *testing.T) {
	data, err := os.ReadFile("../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "### Images\n")
	section, _, _ = strings.Cut(section, "\n## ")
	tried := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.Contains(cells[1], "`") {
			continue
		}
		list := func(cell string) []string {
			return strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune("`, ", r) })
		}
		for _, glob := range list(cells[1]) {
			tried++
			r, err := ParseRepository(glob)
			if refused := strings.HasPrefix(cells[2], " refused: "); refused || err != nil {
				if !refused || err == nil {
					t.Errorf("%s is refused: %t (%v), want %t", glob, err != nil, err, refused)
				}
				continue
			}
			for want, cell := range map[bool]string{true: cells[3], false: cells[4]} {
				for _, image := range list(cell) {
					if r.Has(image) != want {
						t.Errorf("%s matches %s: %t, want %t", glob, image, !want, want)
					}
				}
			}
		}
	}
	if want := 16; tried != want {
		t.Errorf("%d patterns were tried, want %d", tried, want)
	}
}
