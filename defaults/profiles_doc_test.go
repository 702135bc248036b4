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
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(line, "`") {
			continue
		}
		rows++
		glob := strings.Trim(cells[1], " `")
		r, err := ParseRepository(glob)
		if err != nil {
			t.Fatalf("%s: %v", glob, err)
		}
		for i, want := range map[int]bool{2: true, 3: false} {
			for image := range strings.SplitSeq(cells[i], ", ") {
				if image = strings.Trim(image, " `"); r.Has(image) != want {
					t.Errorf("%s matches %s: %v, want %v", glob, image, !want, want)
				}
			}
		}
	}
	if rows != 5 {
		t.Errorf("%d patterns were tried, want 5", rows)
	}
}
