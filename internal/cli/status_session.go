// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/status"
	"github.com/caseharden/caseharden/status/live"
	"github.com/caseharden/caseharden/status/render"
)

// statusMemory bounds the memory of a status: facts are kept, and no objects.
const statusMemory = 400 << 20

// A statusSession is one run of the command.
type statusSession struct {
	o              statusOptions
	files          []profile.File
	clients        []*kube.Client
	stdout, stderr io.Writer
}

// connect makes a client for each context.
func (s *statusSession) connect() error {
	contexts := s.o.contexts
	if len(contexts) == 0 {
		contexts = []string{""}
	}
	for _, name := range contexts {
		client, err := kube.Connect(kube.Access{Kubeconfig: s.o.kubeconfig, Context: name, Namespace: s.o.namespace})
		if err != nil {
			return err
		}
		if name == "" {
			client.Context = "" // nobody has to give it
		}
		s.clients = append(s.clients, client)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(statusMemory)
	}
	return nil
}

// look reads all clusters, one after the other. Of several clusters, one that cannot be read
// is reported with the others.
func (s *statusSession) look(ctx context.Context) (*status.Report, error) {
	now := time.Now()
	report := status.New(now, today())
	for _, client := range s.clients {
		progress, done := statusProgress(s.stderr, client.Context)
		namespace := client.Namespace
		if s.o.all {
			namespace = ""
		}
		snapshot, err := live.Read(ctx, client, live.Options{
			Namespace: namespace, Profiles: s.files, Known: knownImage, Logs: s.o.logs, Writes: s.o.writes, Now: now, Progress: progress,
		})
		done()
		switch {
		case err == nil:
			report.Add(status.New(now, today(), snapshot).Clusters[0])
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case len(s.clients) == 1:
			return nil, err
		default:
			report.Add(status.Failed(client.Context, client.Server, err))
		}
	}
	return report, nil
}

func (s *statusSession) write(report *status.Report) error {
	return render.Write(s.stdout, report, s.o.output, render.Style{Colour: hasColour(s.stdout), Width: widthOf(s.stdout), Explain: s.o.explain})
}

// exit returns the exit code that the report asks for.
func (s *statusSession) exit(report *status.Report) error {
	for _, c := range report.Clusters {
		if c.Error != "" {
			fmt.Fprintf(s.stderr, "caseharden: cluster %s: %s\n", c.Name, c.Error)
			return exitError(1)
		}
	}
	if s.fails(report) {
		return exitError(exitFailed)
	}
	return nil
}

// fails reports whether the report is as --fail-on says.
func (s *statusSession) fails(report *status.Report) bool {
	if s.o.failOn == failOnChange {
		return report.Summary.Lacking() > 0
	}
	least := preview.Rank(evidence.Breaks, evidence.High)
	if s.o.failOn == failOnRisk {
		least = preview.Rank(evidence.Risk, s.o.least())
		if report.Summary.Unwell > report.Summary.Suspects {
			return true
		}
	} else if s.o.failOn == "" {
		return false
	}
	worst := 0
	for i := range report.Clusters {
		for j := range report.Clusters[i].Namespaces {
			for _, w := range report.Clusters[i].Namespaces[j].Workloads {
				for _, f := range w.Findings {
					worst = max(worst, preview.Rank(f.Verdict, f.Severity))
				}
				if w.Next != nil {
					worst = max(worst, preview.Rank(w.Next.Verdict, w.Next.Severity))
				}
			}
		}
	}
	return worst >= least
}

// watch shows the table again and again, until the command is told to end.
func (s *statusSession) watch(ctx context.Context) error {
	for {
		report, err := s.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if isTerminal(s.stdout) {
			fmt.Fprint(s.stdout, "\x1b[H\x1b[2J")
		}
		if err := s.write(report); err != nil {
			return err
		}
		if !pause(ctx, s.o.interval) {
			return nil
		}
		if !isTerminal(s.stdout) {
			fmt.Fprintln(s.stdout)
		}
	}
}

// wait returns when all workloads are well, and writes the last report.
func (s *statusSession) wait(ctx context.Context) error {
	end := time.Now().Add(s.o.patience)
	for {
		report, err := s.look(ctx)
		if err != nil {
			return err
		}
		summary := &report.Summary
		switch {
		case summary.Unwell+summary.Waiting == 0:
			if err := s.write(report); err != nil {
				return err
			}
			return s.exit(report)
		case time.Now().Add(s.o.interval).After(end):
			if err := s.write(report); err != nil {
				return err
			}
			fmt.Fprintf(s.stderr, "caseharden: after %s, %d workloads are not well, and of %d the replicas are not ready\n", s.o.patience, summary.Unwell, summary.Waiting)
			return exitError(exitFailed)
		}
		fmt.Fprintf(s.stderr, "%d workloads are not well, of %d the replicas are not ready\n", summary.Unwell, summary.Waiting)
		if !pause(ctx, s.o.interval) {
			return errors.New("interrupted")
		}
	}
}

// pause reports whether the time has passed, and the command is not told to end.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// statusProgress shows on a terminal what is read, once it takes longer than a second. The
// caller must call done.
func statusProgress(w io.Writer, cluster string) (progress func(what string, n int), done func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	next, shown := time.Now().Add(time.Second), false
	return func(what string, n int) {
			if now := time.Now(); now.After(next) {
				fmt.Fprintf(w, "\r\x1b[K%s %d %s", cluster, n, what)
				next, shown = now.Add(100*time.Millisecond), true
			}
		}, func() {
			if shown {
				fmt.Fprint(w, "\r\x1b[K")
			}
		}
}
