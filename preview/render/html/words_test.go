// SPDX-License-Identifier: Apache-2.0

package html

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html/atom"

	"github.com/caseharden/caseharden/preview"
)

// Every reason and every outcome that package defaults declares is a sentence on
// the page, and occurs in the report that the other tests use.
func TestEveryWordIsExplained(t *testing.T) {
	t.Parallel()
	document := render(t, sampleReport())
	words := textOf(first(t, document, withClass("words")))
	occurs := map[string]bool{}
	for _, w := range sampleReport().Workloads {
		w.EachDecision(func(d preview.Decision) { occurs[d.Reason], occurs[d.Outcome] = true, true })
	}
	for _, kind := range []struct {
		name, file string
		meanings   []meaning
	}{{"Reason", "../../../defaults/reason.go", reasonMeanings()}, {"Outcome", "../../../defaults/decide.go", outcomeMeanings}} {
		declared := declaredConstants(t, kind.file, kind.name)
		if len(declared) < 3 {
			t.Fatalf("package defaults declares %d constants of type %s: the test looks in the wrong place", len(declared), kind.name)
		}
		for _, word := range declared {
			i := slices.IndexFunc(kind.meanings, func(m meaning) bool { return m.Word == word })
			if i < 0 {
				t.Errorf("%s %q has no sentence", kind.name, word)
				continue
			}
			if !strings.Contains(words, word+kind.meanings[i].Sentence) {
				t.Errorf("%s %q is not explained on the page", kind.name, word)
			}
			if !occurs[word] {
				t.Errorf("%s %q does not occur in the sample report", kind.name, word)
			}
		}
	}
	if got, want := reasonSentence("new-one"), "The reason is new-one."; got != want {
		t.Errorf("a reason that is not known reads %q, want %q", got, want)
	}
}

// declaredConstants returns the values of the constants of a type in the source
// of package defaults.
func declaredConstants(t *testing.T, path, typeName string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typeName {
			return true
		}
		for _, value := range spec.Values {
			s, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, s)
		}
		return true
	})
	return values
}

// Headings, tables, the count and the language are there for those who do not see
// the page.
func TestPageIsAccessible(t *testing.T) {
	t.Parallel()
	document := render(t, sampleReport())
	if lang, _ := attr(first(t, document, tagged(atom.Html)), "lang"); lang != "en" {
		t.Errorf("lang = %q", lang)
	}
	if n := len(all(document, tagged(atom.H1))); n != 1 {
		t.Errorf("there are %d h1, want 1", n)
	}
	for _, th := range all(document, tagged(atom.Th)) {
		if scope, _ := attr(th, "scope"); !slices.Contains([]string{"col", "row", "rowgroup"}, scope) {
			t.Errorf("table heading %q has scope %q", textOf(th), scope)
		}
	}
	for _, svg := range all(document, tagged(atom.Svg)) {
		if hidden, _ := attr(svg, "aria-hidden"); hidden != "true" {
			t.Error("a drawing is read out, though its numbers stand beside it")
		}
	}
	count := first(t, document, withAttr("id", "shown"))
	if live, _ := attr(count, "aria-live"); live != "polite" || textOf(count) != "6 of 6 shown" {
		t.Errorf("the count reads %q, and is announced %q", textOf(count), live)
	}
	for _, kind := range []atom.Atom{atom.Input, atom.Select} {
		for _, control := range all(document, tagged(kind)) {
			if control.Parent.DataAtom != atom.Label {
				t.Errorf("a control <%s> has no label", control.Data)
			}
		}
	}
}

// Text has the contrast that WCAG 2 asks for at level AA, 4.5, and what is drawn
// has 3, by day and by night.
func TestPageContrast(t *testing.T) {
	t.Parallel()
	roots := regexp.MustCompile(`(?s):root \{\s*(--.*?)\}`).FindAllStringSubmatch(pageCSS, -1)
	if len(roots) != 2 {
		t.Fatalf("the style has %d sets of colours, want one for the day and one for the night", len(roots))
	}
	for i, theme := range []string{"day", "night"} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]+);`).FindAllStringSubmatch(roots[i][1], -1) {
			colours[m[1]] = m[2]
		}
		for _, pair := range []struct {
			on, under string
			least     float64
		}{
			{"ink", "paper", 4.5}, {"ink", "panel", 4.5}, {"soft", "paper", 4.5}, {"soft", "panel", 4.5}, {"link", "paper", 4.5},
			{"alarm-ink", "paper", 4.5}, {"alarm-ink", "alarm-tag", 4.5}, {"fits-ink", "fits-tag", 4.5},
			{"inject-ink", "inject-tag", 4.5}, {"leave-ink", "leave-tag", 4.5}, {"skip-ink", "skip-tag", 4.5},
			{"inject", "paper", 3}, {"leave", "paper", 3}, {"skip", "paper", 3}, {"alarm", "paper", 3}, {"focus", "paper", 3}, {"edge", "paper", 3},
		} {
			a, b := luminance(t, colours[pair.on]), luminance(t, colours[pair.under])
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < pair.least {
				t.Errorf("by %s, %s on %s has contrast %.2f, want at least %.1f", theme, pair.on, pair.under, got, pair.least)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	rgb, err := strconv.ParseUint(hex, 16, 24)
	if err != nil || len(hex) != 6 {
		t.Fatalf("%q is no colour", hex)
	}
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(rgb>>(8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
