// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxWords is how long a sentence of the documentation may be. Code counts as one word.
const maxWords = 35

// words are those that readers have stumbled over, with what to write instead.
var words = map[string]string{
	"way out":     "fix",
	"mend":        "fix",
	"mended":      "fixed",
	"mends":       "fixes",
	"anew":        "again",
	"besides":     "also",
	"whoever":     "name who it is",
	"passed over": "ignored",
	"by all that": "say what it rests on",
	"gentle":      "say what it does",
	"nobody's":    "name whose it is",
	"what for":    "why",
	"thereby":     "leave it out",
	"wherefore":   "why",
	"lest":        "so that … not",
}

// The documentation is in short sentences, in words that readers know.
func TestWordsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("docs/*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	for _, file := range append(files, "README.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sentences(string(text)) {
			if n := len(strings.Fields(s)); n > maxWords {
				t.Errorf("%s: a sentence of %d words, want at most %d: %s", file, n, maxWords, s)
			}
			for word, instead := range words {
				if regexp.MustCompile(`(?i)\b` + word + `\b`).MatchString(s) {
					t.Errorf("%s: %q: write %q: %s", file, word, instead, s)
				}
			}
		}
	}
}

var (
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	comment  = regexp.MustCompile(`(?s)<!--.*?-->`)
	code     = regexp.MustCompile("`[^`]*`")
	link     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	newBlock = regexp.MustCompile(`(?m)\n *\n|^ *[-*] |^ *\d+\. |^#+ .*$| \| |^\||\|$`)
	sentence = regexp.MustCompile(`[.!?:]["')]?(\s+|$)`)
)

// sentences returns the sentences of a document in Markdown, without what is no prose. A
// list item and a cell of a table begin a sentence.
func sentences(text string) (found []string) {
	text = comment.ReplaceAllString(fenced.ReplaceAllString(text, "\n\n"), "")
	text = link.ReplaceAllString(code.ReplaceAllString(text, "CODE"), "$1")
	for _, block := range newBlock.Split(text, -1) {
		for _, s := range sentence.Split(strings.Join(strings.Fields(block), " "), -1) {
			if s = strings.TrimSpace(s); s != "" {
				found = append(found, s)
			}
		}
	}
	return found
}

func TestSentences(t *testing.T) {
	t.Parallel()
	got := sentences("# A title\n\nOne `code. x` [link](a.md). Two:\n- item\n- item b\n\n| a | b c |\n|---|---|\n```\nno prose\n```\n")
	want := "One CODE link|Two|item|item b|a|b c|---|---"
	if strings.Join(got, "|") != want {
		t.Errorf("sentences %q, want %q", got, want)
	}
}
