// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"mvdan.cc/sh/v3/syntax"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/live"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/render"
)

// lifetimeSpare is how much longer a copy may live than it should need: a copy that nobody
// deletes ends by itself then.
const lifetimeSpare = 3 * time.Minute

// A trialSession is one run of the command.
type trialSession struct {
	o              trialOptions
	base           *defaults.Profile
	taken          map[string]bool // names of profiles that are there
	files          []profile.File
	cluster        *live.Cluster
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run finds the workloads, asks, and tries them one after the other.
func (s *trialSession) run(ctx context.Context, args []string) error {
	if err := s.permissions(ctx, args); err != nil {
		return err
	}
	workloads, err := s.workloads(ctx, args)
	if err != nil {
		return err
	}
	several := s.o.all || s.o.selector != ""
	surroundings, err := s.cluster.Surroundings(ctx)
	if err != nil {
		return err
	}
	reports := make([]*trial.Report, len(workloads))
	plans := make([]*plan.Plan, len(workloads))
	for i, w := range workloads {
		p, refused, err := plan.New(w, s.base, surroundings, plan.Options{
			Volumes: plan.Volumes(s.o.volumes), PodNetwork: s.o.podNetwork, Selected: s.o.allowSelected,
		}, strings.ToLower(rand.Text()[:6]), s.o.timeout+3*s.o.hold+lifetimeSpare)
		switch {
		case err != nil:
			return err
		case len(refused) > 0 && !several:
			return refusal(w, refused)
		case len(refused) > 0:
			reports[i] = trial.Refused(w, s.base.Name, refusal(w, refused).Error())
			continue
		}
		plans[i] = p
	}
	s.announce(plans)
	switch {
	case s.o.dryRun:
		return nil
	case !s.o.yes:
		if err := s.ask(ctx); err != nil {
			return err
		}
	}
	name := s.o.profileName(workloads[0], several)
	for s.taken[name] {
		name += "-trial"
	}
	for i, p := range plans {
		if p == nil || ctx.Err() != nil {
			continue
		}
		t, err := trial.New(p, s.cluster, s.options(name))
		if err != nil {
			return err
		}
		progress := newTrialProgress(s.stderr, p.Workload)
		t.Progress = progress.report
		reports[i] = t.Run(ctx)
		progress.end()
	}
	reports = slices.DeleteFunc(reports, func(r *trial.Report) bool { return r == nil })
	if err := render.Write(s.stdout, s.o.output, reports, name, s.base.Name); err != nil {
		return err
	}
	return trialExit(reports)
}

func (s *trialSession) options(name string) trial.Options {
	return trial.Options{
		MaxPods: s.o.maxPods, Hold: s.o.hold, Timeout: s.o.timeout, Rounds: s.o.rounds,
		Exec: commandWords(s.o.exec), HTTP: s.o.http, Port: s.o.port, ObserverImage: s.o.observerImage,
		Name: name, Profiles: s.files,
	}
}

// trialExit returns the exit code of the worst that was found.
func trialExit(reports []*trial.Report) error {
	code := 0
	for _, r := range reports {
		switch r.Conclusion {
		case trial.AllWork:
		case trial.ExceptionsFound:
			code = max(code, exitExceptions)
		default:
			code = max(code, exitCannotTell)
		}
	}
	if code == 0 {
		return nil
	}
	return exitError(code)
}

// permissions returns an error with the Role that would do, if the caller lacks something.
func (s *trialSession) permissions(ctx context.Context, args []string) error {
	kinds := kube.Kinds()
	switch {
	case len(args) == 1:
		kindName, _, _ := strings.Cut(args[0], "/")
		kind, err := kube.KindNamed(kindName)
		if err != nil {
			return err
		}
		kinds = []kube.Kind{kind}
	case s.o.file != "":
		kinds = nil
	}
	wanted := live.Permissions(kinds, s.o.exec != "", s.o.http != "")
	missing, err := s.cluster.Client.Missing(ctx, s.cluster.Namespace, wanted)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("you may not %s in namespace %s. This Role has all that the trial needs:\n\n%s",
		joinPermissions(missing), s.cluster.Namespace, kube.Role(s.cluster.Namespace, "caseharden-trial", wanted))
}

func joinPermissions(permissions []kube.Permission) string {
	var words []string
	for _, p := range permissions {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

// workloads returns what is to be tried.
func (s *trialSession) workloads(ctx context.Context, args []string) ([]*plan.Workload, error) {
	switch {
	case s.o.file != "":
		return s.fromFile()
	case s.o.all || s.o.selector != "":
		return s.cluster.Selected(ctx, s.o.selector)
	}
	w, err := s.cluster.Named(ctx, args[0])
	if err != nil {
		return nil, err
	}
	return []*plan.Workload{w}, nil
}

// fromFile returns the one workload that a manifest has.
func (s *trialSession) fromFile() ([]*plan.Workload, error) {
	inputs, unread := manifest.ReadInputs([]string{s.o.file}, s.stdin)
	if len(unread) > 0 {
		return nil, errors.New(unread[0].Error())
	}
	files, errs := manifest.Read(inputs)
	if len(errs) > 0 {
		return nil, errors.New(errs[0].Error())
	}
	var all []*plan.Workload
	for _, f := range files {
		for _, d := range f.Documents {
			for _, object := range d.Objects {
				var o unstructured.Unstructured
				if err := json.Unmarshal(object.Raw, &o.Object); err != nil {
					return nil, fmt.Errorf("%s:%d: %w", f.Name, object.Line, err)
				}
				w, found, err := s.cluster.FromManifest(&o)
				if err != nil {
					return nil, fmt.Errorf("%s:%d: %w", f.Name, object.Line, err)
				}
				if found {
					all = append(all, w)
				}
			}
		}
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("-f %s: has %s, must have one", s.o.file, text.Count(len(all), "workload"))
	}
	return all, nil
}

func refusal(w *plan.Workload, refused []plan.Refusal) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: no copy is made:", w.Ref())
	for _, r := range refused {
		fmt.Fprintf(&b, "\n  %s", text.Visible(r.String()))
	}
	return errors.New(b.String())
}

// announce says what will run, before anything does.
func (s *trialSession) announce(plans []*plan.Plan) {
	w := s.stderr
	for _, p := range plans {
		if p == nil {
			continue
		}
		fmt.Fprintf(w, "Trial of %s in namespace %s under profile %s, on %s\n", p.Workload.Ref(), p.Workload.Namespace, s.base.Name, s.cluster.Client.Server)
		fmt.Fprintf(w, "  runs copies of its Pod, at most %d at a time: one as it is, one with all settings, and more to narrow down what breaks\n", s.o.maxPods)
		for _, line := range p.Uses() {
			fmt.Fprintf(w, "  uses %s\n", text.Visible(line))
		}
		if len(p.Removed) > 0 {
			fmt.Fprintf(w, "  copies do not have the label %s, so that nothing selects them\n", text.Visible(strings.Join(p.Removed, ", ")))
		}
		for _, note := range p.Notes {
			fmt.Fprintf(w, "  %s\n", text.Visible(note))
		}
		if len(p.Emptied) > 0 {
			fmt.Fprintf(w, "  copies get empty directories for %s\n", text.Visible(strings.Join(p.Emptied, ", ")))
		}
	}
	if s.o.volumes == string(plan.ShareVolumes) {
		fmt.Fprintln(w, "The copies write to the volumes of the workload, as --volumes=share asks for.")
	}
	fmt.Fprintln(w, "A copy is a second instance: it may do real work, such as sending mail, taking from a queue or running migrations.")
}

// ask returns an error unless the user says yes. A signal is no answer.
func (s *trialSession) ask(ctx context.Context) error {
	if !isTerminalInput(s.stdin) {
		return errors.New("nobody can be asked before the first copy, as standard input is no terminal: give --yes")
	}
	fmt.Fprint(s.stderr, "Run it? [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.stdin).ReadString('\n') // at its end, nothing was said
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(s.stderr)
	}
	return errors.New("nothing was run")
}

// commandWords returns the words of a command. What only a shell understands is given to
// the shell of the container.
func commandWords(command string) []string {
	if strings.TrimSpace(command) == "" {
		return nil
	}
	inShell := []string{"sh", "-c", command}
	file, err := syntax.NewParser().Parse(strings.NewReader(command), "")
	if err != nil || len(file.Stmts) != 1 || len(file.Stmts[0].Redirs) > 0 || file.Stmts[0].Negated || file.Stmts[0].Background {
		return inShell
	}
	call, ok := file.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Assigns) > 0 {
		return inShell
	}
	var words []string
	for _, word := range call.Args {
		value, literal := literalWord(word.Parts)
		if !literal {
			return inShell
		}
		words = append(words, value)
	}
	return words
}

// literalWord returns the value of a word in which a shell would replace nothing.
func literalWord(parts []syntax.WordPart) (value string, literal bool) {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "*?[~\\{") {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				l, ok := inner.(*syntax.Lit)
				if !ok || strings.Contains(l.Value, `\`) {
					return "", false
				}
				b.WriteString(l.Value)
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

func isTerminalInput(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
