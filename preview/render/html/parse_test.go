// SPDX-License-Identifier: Apache-2.0

package html

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// all returns the elements under n that match, in the order of the page.
func all(n *html.Node, match func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && match(d) {
			found = append(found, d)
		}
	}
	return found
}

// first returns the first of them, which must exist.
func first(t *testing.T, n *html.Node, match func(*html.Node) bool) *html.Node {
	t.Helper()
	found := all(n, match)
	if len(found) == 0 {
		t.Fatal("there is no such element")
	}
	return found[0]
}

func tagged(tag atom.Atom) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.DataAtom == tag }
}

func withClass(class string) func(*html.Node) bool { return withAttr("class", class) }

func withAttr(key, value string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		got, _ := attr(n, key)
		return got == value
	}
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// text is the text of an element, with a line for each <br>.
func textOf(n *html.Node) string {
	return strings.TrimSpace(rawText(n))
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.DataAtom == atom.Br:
			b.WriteString("\n")
		}
	}
	return b.String()
}

// cells are the texts of the cells of a row.
func cells(row *html.Node) []string {
	var texts []string
	for n := range row.ChildNodes() {
		if n.DataAtom == atom.Td || n.DataAtom == atom.Th {
			texts = append(texts, textOf(n))
		}
	}
	return texts
}

// bodyRows are the texts of the cells of a table, without its headings.
func bodyRows(table *html.Node) [][]string {
	var rows [][]string
	for _, body := range all(table, tagged(atom.Tbody)) {
		for _, row := range all(body, tagged(atom.Tr)) {
			rows = append(rows, cells(row))
		}
	}
	return rows
}

// workloadItems are the workloads of a page.
func workloadItems(t *testing.T, document *html.Node) []*html.Node {
	t.Helper()
	var items []*html.Node
	for n := range first(t, document, withAttr("id", "list")).ChildNodes() {
		if n.DataAtom == atom.Li {
			items = append(items, n)
		}
	}
	return items
}
