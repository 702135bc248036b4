// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and
this permission notice shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED
"AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT
HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`
	gpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU General
Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any
later version.
`
)

// A module whose terms are not known to be permitted is an error that names it.
func TestTerms(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // how the error begins; empty for none
	}{
		{"permitted", map[string]string{"LICENSE": mit, "main.go": ""}, ""},
		{"with a notice", map[string]string{"LICENSE": mit, "NOTICE": "Made by us.\n"}, ""},
		{"of a package that is linked", map[string]string{"linked/LICENCE.txt": mit}, ""},
		{"of a package that is not", map[string]string{"LICENSE": mit, "other/LICENSE": gpl}, ""},
		{"copyleft", map[string]string{"COPYING": gpl}, "example.com/m v1.0.0: COPYING has the licence GPL"},
		{"copyleft, and permitted", map[string]string{"LICENSE": mit, "linked/LICENSE": gpl}, "example.com/m v1.0.0: linked/LICENSE has the licence GPL"},
		{"permitted, with a condition", map[string]string{"LICENSE": mit + strings.Repeat("It shall not be used in production unless a fee is paid. ", 5)}, "example.com/m v1.0.0: of LICENSE only "},
		{"of their own", map[string]string{"LICENSE": "Ask us first.\n"}, "example.com/m v1.0.0: LICENSE has no licence that is known"},
		{"none", map[string]string{"README.md": mit}, "example.com/m v1.0.0: no file in "},
		{"only a notice", map[string]string{"NOTICE": mit}, "example.com/m v1.0.0: no file in "},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			linked := filepath.Join(dir, "linked")
			if err := os.Mkdir(linked, 0o755); err != nil {
				t.Fatal(err)
			}
			for name, text := range test.files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c := component{path: "example.com/m", version: "v1.0.0", dir: dir, dirs: map[string]bool{dir: true, linked: true}}
			err := c.read()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("error %v, want one that begins with %q", err, test.want)
			}
		})
	}
}
