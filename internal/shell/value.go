// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A value is what a word of a script stands for.
type value struct {
	text  string
	known bool
	who   who
}

// who marks a value that tells as whom the script runs.
type who int

const (
	notWho   who = iota
	isUID        // $(id -u)
	userName     // $(id -un)
)

// plain reports whether the text of a value is known.
func (v value) plain() bool { return v.known && v.who == notWho }

func texts(values []value) []string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = Anything
		if v.plain() {
			words[i] = v.text
		}
	}
	return words
}

// maxWords bounds the words of a command, and the arguments of a script.
const maxWords = 4000

// words returns the values of words; "$@" stands for all arguments. Of too many words it
// tells nothing.
func (w *walker) words(list []*syntax.Word) []value {
	var values []value
	for _, word := range list {
		if isAllArguments(word) {
			if w.args == nil {
				values = append(values, value{})
			}
			if len(values)+len(w.args) > maxWords || !w.spend(len(w.args)) {
				w.budget = -1
				return []value{{}}
			}
			values = append(values, w.args...)
			continue
		}
		values = append(values, w.word(word))
	}
	if len(values) == 0 {
		values = []value{{}}
	}
	return values
}

func isAllArguments(word *syntax.Word) bool {
	if len(word.Parts) != 1 {
		return false
	}
	part := word.Parts[0]
	if quoted, is := part.(*syntax.DblQuoted); is && len(quoted.Parts) == 1 {
		part = quoted.Parts[0]
	}
	p, is := part.(*syntax.ParamExp)
	return is && p.Param != nil && (p.Param.Value == "@" || p.Param.Value == "*") && isPlainParameter(p)
}

func (w *walker) word(word *syntax.Word) value {
	if word == nil {
		return value{}
	}
	return w.parts(word.Parts, false)
}

// parts puts a word together. It has a value if each part has one, unless it is longer than
// a word can be.
func (w *walker) parts(parts []syntax.WordPart, quoted bool) value {
	var text strings.Builder
	for _, part := range parts {
		v := w.part(part, quoted)
		if len(parts) == 1 {
			return v
		}
		if !v.plain() || text.Len()+len(v.text) > maxScript || !w.spend(len(v.text)) {
			return value{}
		}
		text.WriteString(v.text)
	}
	return value{text: text.String(), known: true}
}

func (w *walker) part(part syntax.WordPart, quoted bool) value {
	if !w.spend(1) {
		return value{}
	}
	switch part := part.(type) {
	case *syntax.Lit:
		if !w.spend(len(part.Value)) {
			return value{}
		}
		escape := unquoted
		if quoted {
			escape = doubleQuoted
		}
		return value{text: escape.ReplaceAllString(part.Value, "$1"), known: true}
	case *syntax.SglQuoted:
		return value{text: part.Value, known: !part.Dollar}
	case *syntax.DblQuoted:
		return w.parts(part.Parts, true)
	case *syntax.ParamExp:
		return w.parameter(part)
	case *syntax.CmdSubst:
		if whoSays(part.Stmts) == notWho {
			inside := w.now
			inside.handled = true // a command with a substitution that fails is run all the same
			w.child(func() { w.list(part.Stmts, inside) })
		}
		return value{who: whoSays(part.Stmts), known: whoSays(part.Stmts) != notWho}
	}
	return value{}
}

// whoSays recognises the commands that print as whom they run.
func whoSays(statements []*syntax.Stmt) who {
	if len(statements) != 1 {
		return notWho
	}
	call, is := statements[0].Cmd.(*syntax.CallExpr)
	if !is {
		return notWho
	}
	var words []string
	for _, word := range call.Args {
		words = append(words, word.Lit())
	}
	switch strings.Join(words, " ") {
	case "id -u", "/usr/bin/id -u", "id --user":
		return isUID
	case "whoami", "id -un", "id -u -n", "id -nu", "id --user --name":
		return userName
	}
	return notWho
}

func isPlainParameter(p *syntax.ParamExp) bool {
	return !p.Excl && !p.Length && !p.Width && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Exp == nil
}

// parameter returns the value of $x, ${x:-y}, ${x#y} and ${x:0:n}.
func (w *walker) parameter(p *syntax.ParamExp) value {
	if p.Param != nil && p.Param.Value == "BASH_SOURCE" && p.Index != nil && number(p.Index) == 0 {
		return value{text: w.Name, known: w.Name != ""}
	}
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Repl != nil {
		return value{}
	}
	v, set := w.variable(p.Param.Value)
	switch {
	case p.Slice != nil:
		offset, length := number(p.Slice.Offset), number(p.Slice.Length)
		if !v.plain() || offset != 0 || length < 0 {
			return value{}
		}
		v.text = v.text[:min(length, len(v.text))]
		return v
	case p.Exp == nil:
		return v
	}
	operand := w.word(p.Exp.Word)
	if p.Exp.Word == nil {
		operand = value{known: true}
	}
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		switch {
		case set && !v.known, !set && w.OpenEnv && !isPosition(p.Param.Value):
			return value{}
		case set && (v.who != notWho || v.text != ""):
			return v
		}
		return operand
	case syntax.RemSmallPrefix, syntax.RemLargePrefix:
		if !v.plain() || !operand.plain() || strings.ContainsAny(operand.text, "*?[\\") {
			return value{}
		}
		v.text = strings.TrimPrefix(v.text, operand.text)
		return v
	}
	return value{}
}

// isPosition reports whether a parameter is $1 or another argument.
func isPosition(name string) bool { return strings.Trim(name, "0123456789") == "" }

// number returns a literal number; -1 if it is none.
func number(x syntax.ArithmExpr) int {
	word, is := x.(*syntax.Word)
	if !is {
		return -1
	}
	n, err := strconv.Atoi(word.Lit())
	if err != nil {
		return -1
	}
	return n
}

// variable returns the value of a variable or an argument. A variable that nothing sets is
// empty, as far as the script and the environment tell.
func (w *walker) variable(name string) (v value, set bool) {
	switch name {
	case "UID", "EUID":
		return value{known: true, who: isUID}, true
	case "0", "BASH_SOURCE":
		return value{text: w.Name, known: w.Name != ""}, true
	case "@", "*", "#", "?", "$", "!", "-":
		if name == "#" && w.args != nil {
			return value{text: strconv.Itoa(len(w.args)), known: true}, true
		}
		return value{}, true
	}
	if n, err := strconv.Atoi(name); err == nil {
		switch {
		case w.args == nil:
			return value{}, true
		case n <= len(w.args):
			return w.args[n-1], true
		}
		return value{known: true}, false
	}
	if v, set = w.vars[name]; set {
		return v, true
	}
	return value{}, false
}

// assign notes the value of a variable.
func (w *walker) assign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	v := value{known: true}
	switch {
	case a.Append, a.Array != nil, a.Index != nil:
		v = value{}
	case a.Value != nil:
		v = w.word(a.Value)
	}
	w.vars[a.Name.Value] = v
}
