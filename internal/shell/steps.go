// SPDX-License-Identifier: Apache-2.0

package shell

import (
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
