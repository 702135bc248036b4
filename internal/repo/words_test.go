// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	files := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "GOVERNANCE.md", "MAINTAINERS.md", "CODE_OF_CONDUCT.md"}
	for _, pattern := range []string{"docs/*.md", "docs/decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) < 10 {
			t.Fatalf("%s: %d documents: %v", pattern, len(found), err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkWords(t, file, string(text))
	}
}

// So are comments, and what the code says in five words or more.
func TestWordsOfTheCode(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || path == "internal/repo/words_test.go" {
			return err
		}
		files++
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, c := range file.Comments {
			where, text := positions.Position(c.Pos()).String(), c.Text()
			checkWords(t, where, indented.ReplaceAllString(text, "\n\n"))
			if saysWhether.MatchString(text) {
				t.Errorf("%s: of a boolean, write that it reports whether: %s", where, text)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, is := n.(*ast.BasicLit)
			if !is || literal.Kind != token.STRING || strings.HasSuffix(path, "_test.go") {
				return true
			}
			text, _ := strconv.Unquote(literal.Value) // it was parsed
			if len(strings.Fields(text)) > 4 && !strings.Contains(text, "\n") {
				checkWords(t, positions.Position(literal.Pos()).String(), text)
			}
			return true
		})
		return nil
	})
	if err != nil || files < 500 {
		t.Fatalf("%d files: %v", files, err)
	}
}

var saysWhether = regexp.MustCompile(`(?m)^\w+ (says|tells|returns) whether\b`)

// indented is a line of a comment that is no prose.
var indented = regexp.MustCompile(`(?m)^[\t ].*$`)

// checkWords reports long sentences, and words for which there is a better one.
func checkWords(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range sentences(text) {
		if n := len(strings.Fields(s)); n > maxWords {
			t.Errorf("%s: a sentence of %d words, want at most %d: %s", where, n, maxWords, s)
		}
		if word := banned.FindString(s); word != "" {
			t.Errorf("%s: %q: write %q: %s", where, word, words[strings.ToLower(word)], s)
		}
	}
}

var banned = regexp.MustCompile(`(?i)\b(` + strings.Join(slices.Collect(maps.Keys(words)), "|") + `)\b`)

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
