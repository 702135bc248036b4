// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/status/render"
)

type statusOptions struct {
	kubeconfig, namespace string
	contexts              []string
	all                   bool

	profiles []string
	output   string
	explain  string
	failOn   string
	minimum  string

	logs, writes       bool
	watch, wait        bool
	interval, patience time.Duration
}

func newStatusCommand() *cobra.Command {
	var o statusOptions
	var outputs, forms []string
	for _, output := range render.Outputs() {
		outputs = append(outputs, output.Name)
		forms = append(forms, fmt.Sprintf("  %-12s  %s", output.Name, output.Help))
	}
	cmd := &cobra.Command{
		Use:   "status [-n NAMESPACE | -A]",
		Short: "Show what is hardened in a cluster, and what does not run because of it",
		Long: `Show for the namespaces of a cluster who enforces which profile, which Pods are
hardened, which are older than the label, and which slipped through; what does not run
since, and which setting is suspected, with the evidence, the fix, and the command that
frees this one workload; and what breaks at the next restart, by the decisions of the
webhook itself.

A setting is suspected only if the webhook filled it in, and if an exit code, a message
or a line of a log speaks against it.

It uses your kubeconfig and your permissions, changes nothing, and needs nothing in the
cluster. What you may not read, it lists.

The forms of output are:
` + strings.Join(forms, "\n") + `

Exit codes: 0; 1 if a cluster could not be read, while all else is shown; and 2:
  --fail-on breaks  if a setting is proven to break a workload, now or at the next restart
  --fail-on risk    if one is at risk, or a workload is not well
  --fail-on change  if Pods lack settings that their namespace enforces
  --wait            if the workloads are not well within --timeout`,
		Example: `  # One namespace; all namespaces; several clusters
  caseharden status -n shop
  caseharden status -A
  caseharden status -A --context production,staging

  # What does not run, with the last lines of the logs as evidence
  caseharden status -n shop --logs

  # Everything about one workload
  caseharden status -n shop --explain deployment/web

  # In a pipeline: wait until the workloads of a namespace are well
  caseharden status -n shop --wait --timeout 5m

  # For tools that show PolicyReports
  caseharden status -A -o policyreport | kubectl apply -f -`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(outputs); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runStatus(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; without it KUBECONFIG, ~/.kube/config, or the service account of this Pod")
	f.StringSliceVar(&o.contexts, "context", nil, "contexts of the kubeconfig, one cluster each, such as a,b,c; without it the current one")
	f.StringVarP(&o.namespace, "namespace", "n", "", "namespace to look at; without it that of the context")
	f.BoolVarP(&o.all, "all-namespaces", "A", false, "look at all namespaces")
	f.StringArrayVar(&o.profiles, "profiles", nil, profilesFlagHelp+"; without it those that the installation mounts")
	f.StringVarP(&o.output, "output", "o", outputs[0], "form of the output: "+strings.Join(outputs, ", "))
	f.StringVar(&o.explain, "explain", "", "show everything about the workloads with this name: NAME, KIND/NAME or NAMESPACE/NAME")
	f.StringVar(&o.failOn, "fail-on", "", fmt.Sprintf("exit with %d on this: %s", exitFailed, orList(failConditions)))
	f.StringVar(&o.minimum, "min-severity", "", "for --fail-on risk, the least severity: "+orList(severityNames()))
	f.BoolVar(&o.logs, "logs", false, "read the last lines of containers that ended with an error")
	f.BoolVar(&o.writes, "writes", false, "ask kubelets which containers have written nothing; needs get on nodes/proxy")
	f.BoolVarP(&o.watch, "watch", "w", false, "show the table again and again")
	f.BoolVar(&o.wait, "wait", false, "return when all workloads are well, and their replicas are ready")
	f.DurationVar(&o.interval, "interval", 10*time.Second, "how long to pause between two looks, with --watch and --wait")
	f.DurationVar(&o.patience, "timeout", 5*time.Minute, "how long to wait, with --wait")
	complete(cmd, "output", completeWords(outputs...))
	complete(cmd, "fail-on", completeWords(failConditions...))
	complete(cmd, "min-severity", completeWords(severityNames()...))
	complete(cmd, "profiles", completeDirs)
	return cmd
}

// validate reports what is wrong with the flags.
func (o *statusOptions) validate(outputs []string) error {
	if err := checkConditions(o.failOn, o.minimum); err != nil {
		return err
	}
	switch {
	case o.all && o.namespace != "":
		return errors.New("-A and -n: give one of them")
	case !slices.Contains(outputs, o.output):
		return fmt.Errorf("--output %q: must be one of %s", o.output, strings.Join(outputs, ", "))
	case o.explain != "" && o.output != outputs[0]:
		return fmt.Errorf("--explain: is a form of -o %s, and -o %s has everything", outputs[0], o.output)
	case o.minimum != "" && o.failOn != failOnRisk:
		return errors.New("--min-severity: is for --fail-on risk")
	case o.watch && o.wait:
		return errors.New("--watch and --wait: give one of them")
	case o.watch && o.output != outputs[0]:
		return fmt.Errorf("--watch: is a form of -o %s", outputs[0])
	case o.interval < time.Second || o.patience < time.Second:
		return fmt.Errorf("--interval %s, --timeout %s: must be at least 1s", o.interval, o.patience)
	case slices.Contains(o.contexts, ""):
		return errors.New(`--context "": must name a context`)
	}
	return nil
}

func runStatus(ctx context.Context, stdout, stderr io.Writer, o statusOptions) error {
	_, files, err := readProfiles(o.profiles)
	if err != nil {
		return err
	}
	s := &statusSession{o: o, files: files, stdout: stdout, stderr: stderr}
	if err := s.connect(); err != nil {
		return err
	}
	switch {
	case o.watch:
		return s.watch(ctx)
	case o.wait:
		return s.wait(ctx)
	}
	report, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.write(report); err != nil {
		return err
	}
	return s.exit(report)
}

// least returns the severity from which on --fail-on risk counts.
func (o *statusOptions) least() evidence.Severity {
	if o.minimum == "" {
		return evidence.Low
	}
	return evidence.Severity(o.minimum)
}
