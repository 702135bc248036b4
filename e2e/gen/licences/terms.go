// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// permitted are the licences, by SPDX identifier, that ask for no more than that their
// text goes along with the binary.
var permitted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// leastKnown is how much of a file must be terms that are known, in percent: apart from these
// stand who holds the copyright, and which files they are for, but no further terms.
const leastKnown = 80

// A file has terms of a component, or a notice that they ask to pass on.
type file struct {
	name    string // below the component's directory
	text    string
	licence []string // SPDX identifiers; none in a notice
}

// read reads the terms of a component. An error says what is missing, or not permitted.
func (c *component) read() error {
	for _, dir := range slices.Sorted(maps.Keys(c.dirs)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", c.path, err)
		}
		for _, e := range entries {
			if e.IsDir() || !isTerms(e.Name()) {
				continue
			}
			f, err := c.readFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return fmt.Errorf("%s %s: %w", c.path, c.version, err)
			}
			c.files = append(c.files, f)
		}
	}
	if len(c.licences()) == 0 {
		return fmt.Errorf("%s %s: no file in %s has a licence: it must not be linked", c.path, c.version, c.dir)
	}
	return nil
}

// isTerms reports whether a file of this name has terms or notices.
func isTerms(name string) bool {
	base := strings.ToUpper(strings.TrimSuffix(name, filepath.Ext(name)))
	switch strings.ToLower(filepath.Ext(name)) {
	case ".go", ".yaml", ".yml", ".json": // about something of this name
		return false
	case ".docs": // terms of documents, which are not linked
		return false
	}
	for _, prefix := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return false
}

func (c *component) readFile(path string) (file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
	}
	name, err := filepath.Rel(c.dir, path)
	if err != nil {
		return file{}, err
	}
	f := file{name: name, text: strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")) + "\n"}
	if base := strings.ToUpper(filepath.Base(name)); strings.HasPrefix(base, "NOTICE") || strings.HasPrefix(base, "PATENTS") {
		return f, nil
	}
	found := licensecheck.Scan(text)
	for _, match := range found.Match {
		if match.IsURL { // a pointer to terms, beside the terms themselves
			continue
		}
		if !slices.Contains(permitted, match.ID) {
			return file{}, fmt.Errorf("%s has the licence %s, and permitted are %s: look for another module, or see whether "+
				"we can do what it asks for", name, match.ID, strings.Join(permitted, ", "))
		}
		if !slices.Contains(f.licence, match.ID) {
			f.licence = append(f.licence, match.ID)
		}
	}
	if len(f.licence) == 0 {
		return file{}, fmt.Errorf("%s has no licence that is known: see what it says", name)
	}
	if found.Percent < leastKnown {
		return file{}, fmt.Errorf("of %s only %.0f %% are terms that are known (%s): see what the rest says", name, found.Percent, strings.Join(f.licence, ", "))
	}
	return f, nil
}

// licences returns the SPDX identifiers of all files, each once.
func (c *component) licences() []string {
	var all []string
	for _, f := range c.files {
		all = append(all, f.licence...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
