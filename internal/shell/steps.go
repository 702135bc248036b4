// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A Step is a command that a script runs. What only a run could tell is [Anything].
type Step struct {
	Words   []string // the program and its arguments
	Writes  []string // files that its redirections write
	When    When
	Ignored bool     // if it fails the script goes on
	Handled bool     // the script asks whether it fails
	Exec    bool     // it takes the place of the shell that runs it
	Args    []string // of the script, where only a run could tell what takes its place

	// Shell are the child shells in which it runs, outermost first, by number: of ( … ), $( … ),
	// a pipe or the background. What it changes, and its end, are theirs alone. Empty is the
	// script itself.
	Shell []int
}

// When says under which conditions a command is run.
type When struct {
	Root    bool // only as root
	NotRoot bool // only as another user
	Maybe   bool // only if something holds that the text does not tell
}

// Anything stands for a word that only a run could tell.
const Anything = anything

// A Run is how a script is run.
type Run struct {
	Name string            // $0
	Args []string          // $1 and so on
	Env  map[string]string // the variables that are known
	Root bool              // as root

	// OpenEnv says that there may be other variables than those that are known.
	OpenEnv bool

	// Test answers questions of test about files, such as -d /data; nil answers none.
	Test func(operator, path string) (holds, known bool)
}

// Steps lists what a script does, in order. It follows the script's functions, and leaves
// out branches that it knows not to be taken. Where it gives up, the last step is one that
// may take the place of the script.
func Steps(script string, run Run) []Step {
	if len(script) >= maxScript {
		return nil
	}
	w := walker{vars: map[string]value{}, functions: map[string]*syntax.Stmt{}, args: []value{}, Run: run, budget: maxSteps, work: maxWork}
	for name, text := range run.Env {
		w.vars[name] = value{text: text, known: text != Anything}
	}
	for _, a := range run.Args {
		w.args = append(w.args, value{text: a, known: a != Anything})
	}
	if line, _, _ := strings.Cut(script, "\n"); strings.HasPrefix(line, "#!") {
		w.options(known(strings.Fields(line)[1:]), false)
	}
	var statements []*syntax.Stmt
	for statement, err := range syntax.NewParser().StmtsSeq(strings.NewReader(script)) {
		if err == nil {
			statements = append(statements, statement)
		}
	}
	for _, s := range statements {
		syntax.Walk(s, func(n syntax.Node) bool {
			if declared, is := n.(*syntax.FuncDecl); is && declared.Name != nil {
				w.functions[declared.Name.Value] = declared.Body
			}
			return true
		})
	}
	w.list(statements, state{})
	if w.budget < 0 {
		w.shells = nil
		w.add(Step{Words: []string{Anything}, Exec: true}, state{When: When{Maybe: true}})
	}
	return w.steps
}

// What a script may cost, whose functions call functions and whose variables hold variables.
const (
	maxSteps = 4000    // statements that are walked
	maxWork  = 1 << 20 // words and variables that are looked at, and bytes of their text
)

// spend counts work. False is that there was too much of it: then the walk ends.
func (w *walker) spend(n int) bool {
	if w.work -= n; w.work < 0 {
		w.budget = -1
	}
	return w.work >= 0
}

// A walker walks through a script as a shell does, as far as its text tells.
type walker struct {
	steps     []Step
	vars      map[string]value
	args      []value
	functions map[string]*syntax.Stmt
	Run
	now      state // of the statement that is walked
	errexit  bool
	returned bool // the last end was that of a function
	depth    int
	budget   int // statements
	work     int
	shells   []int // in which the statement runs
	shell    int   // the last number of a child shell
}

// A state is under what a statement is run.
type state struct {
	When
	handled bool // the script asks whether it fails
}

// and narrows a state by a condition.
func (s state) and(c When) state {
	s.Root, s.NotRoot, s.Maybe = s.Root || c.Root, s.NotRoot || c.NotRoot, s.Maybe || c.Maybe
	return s
}

// never reports whether the state contradicts itself.
func (s state) never() bool { return s.Root && s.NotRoot }

// list walks statements, and reports whether the script certainly ends in them.
func (w *walker) list(statements []*syntax.Stmt, s state) bool {
	for _, statement := range statements {
		ended, after := w.statement(statement, s)
		if ended {
			return true
		}
		s = s.and(after)
		if s.never() {
			return true
		}
	}
	return false
}

// statement walks a statement. It reports whether the script certainly ends there, and
// otherwise under what the statements after it are run.
func (w *walker) statement(n *syntax.Stmt, s state) (ended bool, after When) {
	if w.budget--; n == nil || w.budget < 0 || s.never() {
		return false, When{}
	}
	s.handled = s.handled || n.Negated || n.Background
	if n.Background {
		foreground := *n
		foreground.Background = false
		w.child(func() { w.statement(&foreground, s) })
		return false, When{}
	}
	w.now = s
	switch c := n.Cmd.(type) {
	case nil:
		w.call(n, &syntax.CallExpr{}, s)
	case *syntax.CallExpr:
		return w.call(n, c, s)
	case *syntax.DeclClause:
		for _, a := range c.Args {
			w.assign(a)
		}
	case *syntax.Block:
		return w.list(c.Stmts, s), When{}
	case *syntax.Subshell:
		w.child(func() { w.list(c.Stmts, s) })
	case *syntax.TimeClause:
		return w.statement(c.Stmt, s)
	case *syntax.BinaryCmd:
		return w.binary(c, s)
	case *syntax.IfClause:
		return w.ifClause(c, s)
	case *syntax.CaseClause:
		return w.caseClause(c, s)
	case *syntax.WhileClause:
		quiet := s
		quiet.handled = true
		w.list(c.Cond, quiet)
		w.maybe(c.Do, s)
	case *syntax.ForClause:
		if i, is := c.Loop.(*syntax.WordIter); is {
			w.vars[i.Name.Value] = value{}
		}
		w.maybe(c.Do, s)
	}
	return false, When{}
}

// child walks what runs in a child shell: what it sets, and where it ends, is not the
// script's. It returns what is known at its end.
func (w *walker) child(walk func()) scope {
	before, now, errexit, returned, shells := w.scope(), w.now, w.errexit, w.returned, w.shells
	w.shell++
	w.shells = append(slices.Clone(shells), w.shell)
	walk()
	inside := scope{w.vars, w.args}
	w.restore(before)
	w.now, w.errexit, w.returned, w.shells = now, errexit, returned, shells
	return inside
}

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

// A scope is what is known of variables and arguments at a place of a script.
type scope struct {
	vars map[string]value
	args []value
}

func (w *walker) scope() scope {
	w.spend(len(w.vars))
	return scope{maps.Clone(w.vars), w.args}
}

func (w *walker) restore(s scope) { w.vars, w.args = s.vars, s.args }

// merge forgets what the other way here has otherwise.
func (w *walker) merge(other scope) {
	for name, v := range other.vars {
		if mine, set := w.vars[name]; !set || mine != v {
			w.vars[name] = value{}
		}
	}
	for name := range w.vars {
		if _, set := other.vars[name]; !set {
			w.vars[name] = value{}
		}
	}
	if !slices.Equal(w.args, other.args) {
		w.args = nil
	}
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

// call walks a simple command.
func (w *walker) call(n *syntax.Stmt, c *syntax.CallExpr, s state) (ended bool, after When) {
	var writes []string
	for _, r := range n.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			if v := w.word(r.Word); v.plain() && !strings.HasPrefix(v.text, "/dev/") {
				writes = append(writes, v.text)
			}
		}
	}
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			w.assign(a)
		}
		if len(writes) > 0 {
			w.add(Step{Words: []string{":"}, Writes: writes}, s)
		}
		return false, When{}
	}
	words := w.words(c.Args)
	name := words[0]
	if body := w.functions[name.text]; body != nil && name.plain() && w.depth < maxDepth {
		saved := w.args
		w.args = words[1:]
		w.depth++
		ended, after = w.statement(body, s)
		if w.returned {
			w.returned, ended, after = false, false, When{}
		}
		w.depth--
		w.args = saved
		return ended, after
	}
	step := Step{Words: texts(words), Writes: writes}
	switch name.text {
	case "set":
		w.set(words[1:], s)
		return false, When{}
	case "read", "unset", "getopts", "mapfile", "readarray":
		for _, v := range words[1:] {
			w.vars[v.text] = value{}
		}
	case "shift":
		if s.Maybe || len(words) > 1 {
			w.args = nil
		} else if len(w.args) > 0 {
			w.args = w.args[1:]
		}
		return false, When{}
	case "exit", "return":
		w.add(step, s)
		w.returned = name.text == "return" && w.depth > 0
		return name.text == "exit" || w.returned, When{}
	case "exec":
		step.Words = withoutExec(step.Words[1:])
		if len(step.Words) == 0 {
			return false, When{}
		}
		step.Exec = true
		if step.Words[0] == Anything && w.args != nil {
			step.Args = texts(w.args)
		}
		w.add(step, s)
		return true, When{}
	}
	w.add(step, s)
	return false, When{}
}

// withoutExec leaves out the options of exec.
func withoutExec(words []string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		if words[0] == "-a" && len(words) > 1 {
			words = words[1:]
		}
		words = words[1:]
	}
	return words
}

func (w *walker) add(step Step, s state) {
	step.Shell = w.shells
	s.Maybe = s.Maybe || w.budget < 0 // its words were not read to their end
	step.When, step.Handled, step.Ignored = s.When, s.handled, s.handled || !w.errexit
	w.steps = append(w.steps, step)
}
