// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A branch is one side of a condition: under what it is taken.
type branch struct {
	When
	never bool
}

func (b branch) and(c branch) branch {
	return branch{
		When:  When{Root: b.Root || c.Root, NotRoot: b.NotRoot || c.NotRoot, Maybe: b.Maybe || c.Maybe},
		never: b.never || c.never || (b.Root || c.Root) && (b.NotRoot || c.NotRoot),
	}
}

func (b branch) or(c branch) branch {
	switch {
	case b.never:
		return c
	case c.never:
		return b
	case b.When == When{} || c.When == When{}:
		return branch{}
	}
	return branch{When: When{Root: b.Root && c.Root, NotRoot: b.NotRoot && c.NotRoot, Maybe: true}}
}

var (
	holds   = branch{}
	fails   = branch{never: true}
	mayHold = branch{When: When{Maybe: true}}
)

// isRoot returns the branches of the question whether the script runs as root.
func (w *walker) isRoot() (then, otherwise branch) {
	if w.Root {
		return branch{When: When{Root: true}}, fails
	}
	return fails, branch{When: When{NotRoot: true}}
}

// condition returns under what the statement succeeds, and under what it fails.
func (w *walker) condition(n *syntax.Stmt) (then, otherwise branch) {
	if n == nil || !w.spend(1) {
		return mayHold, mayHold
	}
	then, otherwise = w.command(n.Cmd)
	if n.Negated {
		return otherwise, then
	}
	return then, otherwise
}

func (w *walker) command(c syntax.Command) (then, otherwise branch) {
	switch c := c.(type) {
	case *syntax.CallExpr:
		if len(c.Args) == 0 {
			return holds, fails
		}
		words := w.words(c.Args)
		switch words[0].text {
		case "[":
			if len(words) > 1 && words[len(words)-1].text == "]" {
				return w.test(words[1 : len(words)-1])
			}
		case "test":
			return w.test(words[1:])
		case "true", ":":
			return holds, fails
		case "false":
			return fails, holds
		}
	case *syntax.TestClause:
		return w.testClause(c.X)
	case *syntax.ArithmCmd:
		return w.arithmetic(c.X)
	case *syntax.Block:
		if len(c.Stmts) == 1 {
			return w.condition(c.Stmts[0])
		}
	case *syntax.BinaryCmd:
		aThen, aElse := w.condition(c.X)
		bThen, bElse := w.condition(c.Y)
		switch c.Op {
		case syntax.AndStmt:
			return aThen.and(bThen), aElse.or(bElse)
		case syntax.OrStmt:
			return aThen.or(bThen), aElse.and(bElse)
		}
	}
	return mayHold, mayHold
}

// test reads the words of test.
func (w *walker) test(words []value) (then, otherwise branch) {
	for _, operator := range []string{"-o", "-a"} {
		i := slices.IndexFunc(words, func(v value) bool { return v.plain() && v.text == operator })
		if i <= 0 || i == len(words)-1 {
			continue
		}
		aThen, aElse := w.test(words[:i])
		bThen, bElse := w.test(words[i+1:])
		if operator == "-o" {
			return aThen.or(bThen), aElse.and(bElse)
		}
		return aThen.and(bThen), aElse.or(bElse)
	}
	if len(words) > 1 && words[0].plain() && words[0].text == "!" {
		then, otherwise = w.test(words[1:])
		return otherwise, then
	}
	switch len(words) {
	case 2:
		return w.unary(words[0].text, words[1])
	case 3:
		return w.compare(words[0], words[1].text, words[2])
	}
	return mayHold, mayHold
}

func (w *walker) unary(operator string, v value) (then, otherwise branch) {
	switch {
	case !v.plain():
	case operator == "-z" && v.text == "", operator == "-n" && v.text != "":
		return holds, fails
	case operator == "-z", operator == "-n":
		return fails, holds
	case w.Test != nil && strings.HasPrefix(v.text, "/"):
		switch is, known := w.Test(operator, v.text); {
		case known && is:
			return holds, fails
		case known:
			return fails, holds
		}
	}
	return mayHold, mayHold
}

func (w *walker) compare(a value, operator string, b value) (then, otherwise branch) {
	switch operator {
	case "=", "==", "-eq":
		return w.equal(a, b)
	case "!=", "-ne":
		then, otherwise = w.equal(a, b)
		return otherwise, then
	case "-gt":
		if a.who == isUID && b.text == "0" {
			otherwise, then = w.isRoot()
			return then, otherwise
		}
	}
	return mayHold, mayHold
}

// equal returns under what two values are equal, and under what they are not.
func (w *walker) equal(a, b value) (then, otherwise branch) {
	if b.who != notWho {
		a, b = b, a
	}
	switch {
	case a.who == isUID && b.plain() && b.text == "0", a.who == userName && b.plain() && b.text == "root":
		return w.isRoot()
	case !a.plain() || !b.plain():
	case a.text == b.text:
		return holds, fails
	default:
		return fails, holds
	}
	return mayHold, mayHold
}

// testClause reads [[ … ]].
func (w *walker) testClause(x syntax.TestExpr) (then, otherwise branch) {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return w.testClause(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			then, otherwise = w.testClause(x.X)
			return otherwise, then
		}
		if word, is := x.X.(*syntax.Word); is {
			return w.unary(x.Op.String(), w.word(word))
		}
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest, syntax.OrTest:
			aThen, aElse := w.testClause(x.X)
			bThen, bElse := w.testClause(x.Y)
			if x.Op == syntax.AndTest {
				return aThen.and(bThen), aElse.or(bElse)
			}
			return aThen.or(bThen), aElse.and(bElse)
		}
		a, isWord := x.X.(*syntax.Word)
		b, alsoWord := x.Y.(*syntax.Word)
		if isWord && alsoWord {
			right := w.word(b)
			if strings.ContainsAny(right.text, "*?[") {
				return mayHold, mayHold // a pattern
			}
			return w.compare(w.word(a), x.Op.String(), right)
		}
	}
	return mayHold, mayHold
}

// arithmetic reads (( EUID == 0 )) and its likes.
func (w *walker) arithmetic(x syntax.ArithmExpr) (then, otherwise branch) {
	b, is := x.(*syntax.BinaryArithm)
	if !is {
		return mayHold, mayHold
	}
	name, zero := arithmeticWord(b.X), arithmeticWord(b.Y)
	if name != "UID" && name != "EUID" || zero != "0" {
		return mayHold, mayHold
	}
	switch b.Op {
	case syntax.Eql:
		return w.isRoot()
	case syntax.Neq, syntax.Gtr:
		otherwise, then = w.isRoot()
		return then, otherwise
	}
	return mayHold, mayHold
}

func arithmeticWord(x syntax.ArithmExpr) string {
	word, is := x.(*syntax.Word)
	if !is || len(word.Parts) != 1 {
		return ""
	}
	if p, is := word.Parts[0].(*syntax.ParamExp); is && p.Param != nil && isPlainParameter(p) {
		return p.Param.Value
	}
	return word.Lit()
}
