// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"maps"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// binary walks a && b, a || b and a | b.
func (w *walker) binary(c *syntax.BinaryCmd, s state) (ended bool, after When) {
	quiet := s
	quiet.handled = true
	if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
		w.child(func() { w.statement(c.X, quiet) })
		w.merge(w.child(func() { w.statement(c.Y, s) })) // some shells run it themselves
		return false, When{}
	}
	then, otherwise := w.condition(c.X)
	w.statement(c.X, quiet)
	if c.Op == syntax.OrStmt {
		then, otherwise = otherwise, then
	}
	return w.branches(s, then, otherwise, func(s state) bool { ended, _ := w.statement(c.Y, s); return ended }, nil)
}

func (w *walker) ifClause(c *syntax.IfClause, s state) (ended bool, after When) {
	quiet := s
	quiet.handled = true
	then, otherwise := branch{When: When{Maybe: true}}, branch{When: When{Maybe: true}}
	if len(c.Cond) == 1 {
		then, otherwise = w.condition(c.Cond[0])
	}
	w.list(c.Cond, quiet)
	return w.branches(s, then, otherwise,
		func(s state) bool { return w.list(c.Then, s) },
		func(s state) bool {
			switch {
			case c.Else == nil:
				return false
			case len(c.Else.Cond) == 0: // else
				return w.list(c.Else.Then, s)
			}
			ended, _ := w.ifClause(c.Else, s)
			return ended
		})
}

// branches walks the branches of a condition that may be taken.
func (w *walker) branches(s state, then, otherwise branch, do, orElse func(state) bool) (ended bool, after When) {
	before := w.scope()
	ended, elseEnded := then.never, otherwise.never
	if !then.never {
		ended = do(s.and(then.When))
	}
	afterThen := w.scope()
	w.restore(before)
	if !otherwise.never && orElse != nil {
		elseEnded = orElse(s.and(otherwise.When))
	}
	switch {
	case otherwise.never || elseEnded && !ended:
		w.restore(afterThen)
	case !ended:
		w.merge(afterThen)
	}
	if ended && elseEnded {
		return !then.never || !otherwise.never, When{}
	}
	switch {
	case ended && !then.never && !then.Maybe:
		return false, When{Root: otherwise.Root, NotRoot: otherwise.NotRoot}
	case elseEnded && !otherwise.never && !otherwise.Maybe:
		return false, When{Root: then.Root, NotRoot: then.NotRoot}
	case ended && !then.never, elseEnded && !otherwise.never:
		return false, When{Maybe: true}
	}
	return false, When{}
}

// maybe walks statements that may be run never, once or often.
func (w *walker) maybe(statements []*syntax.Stmt, s state) {
	before := w.scope()
	w.list(statements, s.and(When{Maybe: true}))
	w.merge(before)
}

func (w *walker) caseClause(c *syntax.CaseClause, s state) (ended bool, after When) {
	word := w.word(c.Word)
	before := w.scope()
	defer func() { w.merge(before) }()
	for _, item := range c.Items {
		matches, excludes := w.patterns(item.Patterns, word)
		if excludes.never && matches.never {
			continue
		}
		if matches.never {
			s = s.and(excludes.When)
			continue
		}
		w.restore(scope{maps.Clone(before.vars), before.args})
		ended := w.list(item.Stmts, s.and(matches.When))
		if excludes.never {
			return ended && !matches.Maybe, When{}
		}
		if ended && !matches.Maybe && (matches.Root || matches.NotRoot) {
			after = excludes.When
		}
		s = s.and(excludes.When)
	}
	return false, after
}

// patterns returns under what one of the patterns of a case fits its word, and under what
// none does.
func (w *walker) patterns(list []*syntax.Word, word value) (fits, not branch) {
	fits, not = branch{never: true}, branch{}
	for _, p := range list {
		pattern := w.word(p)
		var one branch
		switch {
		case pattern.text == "*" && pattern.known:
			return branch{}, branch{never: true}
		case !pattern.known || strings.ContainsAny(pattern.text, "*?["):
			one = branch{When: When{Maybe: true}}
			not = not.and(branch{When: When{Maybe: true}})
			if prefix, is := strings.CutSuffix(pattern.text, "*"); is && word.plain() && !strings.ContainsAny(prefix, "*?[") {
				if !strings.HasPrefix(word.text, prefix) {
					one = branch{never: true}
				}
			}
		default:
			var other branch
			one, other = w.equal(word, pattern)
			not = not.and(other)
		}
		fits = fits.or(one)
	}
	return fits, not
}
