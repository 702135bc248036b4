// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
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

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/trial/live"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/render"
)

type trialOptions struct {
	access kube.Access

	file, selector string
	all            bool

	profile  string
	profiles []string
	name     string
	output   string

	maxPods, rounds int
	hold, timeout   time.Duration
	exec, http      string
	port            int
	volumes         string
	podNetwork      bool
	allowSelected   bool

	observerImage      string
	yes, dryRun, clean bool
}

// The exit codes of trial.
const (
	exitExceptions = 2
	exitCannotTell = 3
)

func newTrialCommand() *cobra.Command {
	var o trialOptions
	var outputs, forms []string
	for _, output := range render.Outputs() {
		outputs = append(outputs, output.Name)
		forms = append(forms, fmt.Sprintf("  %-7s  %s", output.Name, output.Help))
	}
	cmd := &cobra.Command{
		Use:   "trial TYPE/NAME | -f FILE | -l SELECTOR | --all",
		Short: "Find out by running copies which settings a workload works under",
		Long: `Find out by running copies of a workload's Pod which settings of a profile it
works under, and write the profile.

The trial runs a copy as it is (the control) and a copy with all settings that the
webhook would fill in. If the second one breaks, it runs copies with exceptions until
it finds the smallest one under which the workload works. It runs the result again as
a whole, and has the kubelet kill its container once. Only then it writes the profile.

The copies have no owner. No controller adopts them, no Service sends traffic to them,
and they write to no volume that outlives them. The trial deletes them at the end, and
each copy ends by itself if the trial cannot. A copy is a second instance of the
application: it may do real work, such as sending mail or taking from a queue.

The trial uses your kubeconfig and your permissions. It installs nothing.

The forms of output are:
` + strings.Join(forms, "\n") + `

Exit codes: 0 all settings work; 2 exceptions are needed, and were found; 3 the trial
cannot tell; 1 an error.`,
		Example: `  # Which settings of profile hardened does a Deployment work under?
  caseharden trial deployment/web -n shop

  # Exercise each copy by a request, or by a command in its first container
  caseharden trial deployment/web -n shop --http /healthz
  caseharden trial statefulset/cache -n shop --volumes=empty --exec 'redis-cli set a b'

  # What would run? No copy is made
  caseharden trial deployment/web -n shop --dry-run

  # Write one profile for all workloads of a namespace, in a script
  caseharden trial --all -n shop --yes -o profile > shop.yaml

  # Delete copies that a killed trial has left
  caseharden trial --clean -n shop`,
		Args: func(cmd *cobra.Command, args []string) error { return o.validate(args, outputs) },
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			// The first signal ends the trial in order, and a second one at once.
			context.AfterFunc(ctx, stop)
			return runTrial(ctx, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.access.Kubeconfig, "kubeconfig", "", "kubeconfig file; without it KUBECONFIG, ~/.kube/config, or the service account of this Pod")
	f.StringVar(&o.access.Context, "context", "", "context of the kubeconfig; without it the current one")
	f.StringVarP(&o.access.Namespace, "namespace", "n", "", "namespace of the workload and of the copies; without it that of the context")
	f.StringVarP(&o.file, "filename", "f", "", "manifest of the workload, or - for standard input, in place of TYPE/NAME")
	f.StringVarP(&o.selector, "selector", "l", "", "label selector: try the workloads that it selects, one after the other")
	f.BoolVar(&o.all, "all", false, "try all workloads of the namespace, one after the other")
	f.StringVar(&o.profile, "profile", "hardened", "profile to try")
	f.StringArrayVar(&o.profiles, "profiles", nil, profilesFlagHelp)
	f.StringVar(&o.name, "name", "", "name of the profile that is written; without it that of the workload, or of the namespace")
	f.StringVarP(&o.output, "output", "o", outputs[0], "form of the output: "+strings.Join(outputs, ", "))
	f.IntVar(&o.maxPods, "max-pods", 4, "copies at the same time; at least 2")
	f.DurationVar(&o.hold, "hold", 30*time.Second, "how long a copy has to stay ready before it counts as working")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long a copy may take to become ready, or a Job's to finish")
	f.IntVar(&o.rounds, "rounds", 4, "rounds of the search for each container, after the first two copies")
	f.StringVar(&o.exec, "exec", "", "command that exercises each copy in its first container: it must exit with 0")
	f.StringVar(&o.http, "http", "", "path that exercises each copy by a GET request: it must answer 200 to 399")
	f.IntVar(&o.port, "port", 0, "port for --http; without it the first that a container names")
	f.StringVar(&o.volumes, "volumes", "", "for volumes that outlive a Pod: empty (copies get empty directories), share (copies write to them)")
	f.BoolVar(&o.podNetwork, "pod-network", false, "give copies a network of their own: no hostNetwork, no hostPort")
	f.BoolVar(&o.allowSelected, "allow-selected", false, "accept that a controller, an autoscaler or a Service selects the copies")
	f.StringVar(&o.observerImage, "observer-image", "", "image of Caseharden, for a container that sees where the application writes; without it logs tell")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before the first copy")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would run, and make no copy")
	f.BoolVar(&o.clean, "clean", false, "delete all copies that trials have left in the namespace, and end")
	complete(cmd, "output", completeWords(outputs...))
	complete(cmd, "volumes", completeWords(string(plan.EmptyVolumes), string(plan.ShareVolumes)))
	complete(cmd, "profile", func() ([]string, cobra.ShellCompDirective) { return completeProfiles(o.profiles) })
	complete(cmd, "profiles", completeDirs)
	return cmd
}

// validate reports what is wrong with the arguments and flags.
func (o trialOptions) validate(args, outputs []string) error {
	given := 0
	for _, is := range []bool{len(args) > 0, o.file != "", o.selector != "", o.all, o.clean} {
		if is {
			given++
		}
	}
	switch {
	case len(args) > 1:
		return fmt.Errorf("argument %q: one workload at a time, or several with -l or --all", args[1])
	case given == 0:
		return errors.New("nothing to try: name a workload as TYPE/NAME, or give -f, -l or --all")
	case given > 1:
		return errors.New("TYPE/NAME, -f, -l, --all and --clean: give one of them")
	case !slices.Contains(outputs, o.output):
		return fmt.Errorf("--output %q: must be one of %s", o.output, strings.Join(outputs, ", "))
	case o.volumes != "" && o.volumes != string(plan.EmptyVolumes) && o.volumes != string(plan.ShareVolumes):
		return fmt.Errorf("--volumes %q: must be empty or share", o.volumes)
	case o.maxPods < 2:
		return fmt.Errorf("--max-pods %d: must be at least 2: a copy runs beside the control", o.maxPods)
	case o.rounds < 1:
		return fmt.Errorf("--rounds %d: must be at least 1", o.rounds)
	case o.hold < time.Second || o.timeout < time.Second:
		return fmt.Errorf("--hold %s, --timeout %s: must be at least 1s", o.hold, o.timeout)
	case o.exec != "" && o.http != "":
		return errors.New("--exec and --http: give one of them")
	case o.http != "" && !strings.HasPrefix(o.http, "/"):
		return fmt.Errorf("--http %q: must be a path that begins with /, such as /healthz", o.http)
	case o.port < 0 || o.port > 65535:
		return fmt.Errorf("--port %d: must be 1 to 65535", o.port)
	}
	return nil
}

func runTrial(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, o trialOptions, args []string) error {
	profiles, files, err := readProfiles(o.profiles)
	if err != nil {
		return err
	}
	base, err := findProfile(profiles, o.profile)
	if err != nil {
		return fmt.Errorf("--profile: %w", err)
	}
	client, err := kube.Connect(o.access)
	if err != nil {
		return err
	}
	cluster := &live.Cluster{Client: client, Namespace: client.Namespace}
	if o.clean {
		return cleanTrials(ctx, cluster, stdout)
	}
	taken := map[string]bool{}
	for _, p := range profiles {
		taken[p.Name] = true
	}
	s := &trialSession{o: o, base: base, taken: taken, files: files, cluster: cluster, stdin: stdin, stdout: stdout, stderr: stderr}
	return s.run(ctx, args)
}

// cleanTrials deletes what trials have left.
func cleanTrials(ctx context.Context, cluster *live.Cluster, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	deleted, err := cluster.DeleteSelected(ctx, plan.TrialLabel)
	if err != nil {
		return fmt.Errorf("deleting the copies in namespace %s: %w", cluster.Namespace, err)
	}
	_, err = fmt.Fprintf(stdout, "%d copies deleted in namespace %s\n", deleted, cluster.Namespace)
	return err
}

// profileName returns the name of the profile that is written.
func (o trialOptions) profileName(w *plan.Workload, several bool) string {
	if several {
		return cmp.Or(o.name, dnsLabel(w.Namespace))
	}
	return cmp.Or(o.name, dnsLabel(w.Name))
}

// dnsLabel makes a name of another object one that a profile may have.
func dnsLabel(name string) string {
	const most = 50
	name = strings.ReplaceAll(name, ".", "-")
	return strings.Trim(name[:min(len(name), most)], "-")
}
