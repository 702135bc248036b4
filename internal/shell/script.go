// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

var shells = words("sh bash ash dash ksh mksh zsh")

// shellOptions are the options of shells that take a value.
var shellOptions = launcher{values: words("o O rcfile init-file")}

// shellFlags is a word of a shell's short options.
var shellFlags = regexp.MustCompile(`^[-+][abcefhiklmnoprstuvxBCDEHOPT]+$`)

// areForShell reports whether arguments are for a shell, and hold a script for it.
func areForShell(args []string) bool {
	a := shellOptions.read(args)
	for i := range len(args) - len(a.operands) {
		if !strings.HasPrefix(args[i], "--") && isOption(args[i]) && !shellFlags.MatchString(args[i]) {
			return false
		}
	}
	return slices.Contains(a.options, "c") && len(a.operands) > 0
}

// shell collects the programs of the script that a shell gets: as the operand after -c,
// or on standard input.
func (f *finder) shell(args []string, stdin string) {
	switch a := shellOptions.read(args); {
	case !slices.Contains(a.options, "c"):
		if len(a.operands) == 0 || slices.Contains(a.options, "s") {
			f.script(stdin)
		}
	case len(a.operands) > 0:
		f.script(a.operands[0])
	}
}

// maxScript is the longest argument that the Linux kernel passes to a program. It also
// bounds the stack of the parser, which calls itself for each bracket.
const maxScript = 128 << 10

// script collects the programs of a script. Of a script with a syntax error it reads the
// statements before the error: a shell runs those, too.
func (f *finder) script(text string) {
	if len(text) >= maxScript {
		return
	}
	var file syntax.File
	for statement, err := range syntax.NewParser().StmtsSeq(strings.NewReader(text)) {
		if err == nil { // after an error the sequence ends by itself, and must not be left before
			file.Stmts = append(file.Stmts, statement)
		}
	}
	functions := map[string]bool{}
	syntax.Walk(&file, func(n syntax.Node) bool {
		if declared, is := n.(*syntax.FuncDecl); is && declared.Name != nil {
			functions[declared.Name.Value] = true
		}
		return true
	})
	stdin := map[*syntax.Stmt]string{}
	syntax.Walk(&file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				stdin[n.Y], _ = printed(n.X)
			}
		case *syntax.Stmt:
			call, is := n.Cmd.(*syntax.CallExpr)
			if !is || len(call.Args) == 0 || functions[call.Args[0].Lit()] {
				break
			}
			input, redirected := hereText(n)
			if !redirected {
				input = stdin[n]
			}
			var line []string
			for _, word := range call.Args {
				line = append(line, textOf(word.Parts, unquoted))
			}
			f.deeper(func() { f.run(line, input) })
		}
		return true
	})
}

// printed returns what a statement writes, where its text shows that: a here-document
// for cat, or the words of echo.
func printed(s *syntax.Stmt) (text string, known bool) {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) == 0 {
		return "", false
	}
	switch call.Args[0].Lit() {
	case "cat":
		if len(call.Args) == 1 {
			return hereText(s)
		}
	case "echo":
		var line []string
		for _, word := range call.Args[1:] {
			line = append(line, textOf(word.Parts, unquoted))
		}
		return strings.Join(line, " "), true
	}
	return "", false
}

// hereText returns the here-document or the here-string that a statement reads.
func hereText(s *syntax.Stmt) (text string, found bool) {
	for _, r := range s.Redirs {
		switch {
		case r.Hdoc != nil:
			text, found = textOf(r.Hdoc.Parts, doubleQuoted), true
		case r.Op == syntax.WordHdoc:
			text, found = textOf(r.Word.Parts, unquoted), true
		}
	}
	return text, found
}

// What a backslash means.
var (
	unquoted     = regexp.MustCompile(`\\(?s:(.))`)
	doubleQuoted = regexp.MustCompile("\\\\([\"\\\\$`\n])")
)

// anything stands for what only a run could tell, in a way that a shell can read.
const anything = "$_"

// textOf returns the text of a word, as far as the script shows it.
func textOf(parts []syntax.WordPart, escape *regexp.Regexp) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(escape.ReplaceAllString(part.Value, "$1"))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			b.WriteString(textOf(part.Parts, doubleQuoted))
		case *syntax.CmdSubst:
			text, known := "", false
			if len(part.Stmts) == 1 {
				text, known = printed(part.Stmts[0])
			}
			if !known {
				text = anything
			}
			b.WriteString(text)
		default:
			b.WriteString(anything)
		}
	}
	return b.String()
}
