// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/render"
)

type previewOptions struct {
	files    []string
	profile  string
	profiles []string
	output   string
	exitCode bool
	failOn   string

	summary     bool
	explain     string
	explains    bool // explain is given, and may be empty
	minSeverity string

	kustomization      string
	excludedNamespaces []string
	runtime            string
	images             imagesOptions
}

// The exit code of preview where something is as --fail-on or --exit-code says.
const exitFailed = 2

// The conditions of --fail-on, from the narrowest.
const (
	failOnBreaks = "breaks"
	failOnRisk   = "risk"
	failOnChange = "change"
)

var failConditions = []string{failOnBreaks, failOnRisk, failOnChange}

func newPreviewCommand() *cobra.Command {
	var o previewOptions
	var outputs, forms []string
	for _, output := range render.Outputs() {
		outputs = append(outputs, output.Name)
		forms = append(forms, fmt.Sprintf("  %-7s  %s", output.Name, output.Help))
	}
	cmd := &cobra.Command{
		Use:   "preview -f FILE|DIR|- | -k DIR",
		Short: "Show what a profile would do to manifests, and what may break",
		Long: `Show what a profile would do to manifests, by the decisions of the webhook itself:
for each workload, riskiest first, the settings that would be filled in, with what
is known of each; what breaks or may break the application, with a fix; and the Pod
Security level before and after. --explain shows every decision with its reason.
No cluster is asked, and nothing is changed. With --images, it reads the images that
the manifests name, from their registries or from files: what they hold decides
whether a container starts.

It reads Pods, and the pod templates of Deployments, ReplicaSets, StatefulSets,
DaemonSets, Jobs, CronJobs, ReplicationControllers and PodTemplates, and of common
custom resources such as Argo Rollouts and Knative Services: YAML of several
documents, JSON, and Lists. Objects of other kinds pass through, and the summary
names those that may make pods.

The forms of output are:
` + strings.Join(forms, "\n") + `

Exit codes: 0; 1 if something could not be read, while all else is shown; and 2:
  --fail-on breaks  if a setting is proven to break a workload
  --fail-on risk    if a finding breaks or is a risk, from --min-severity on
  --fail-on change  if something would change; --exit-code is the same`,
		Example: `  # What would change in a directory of manifests?
  caseharden preview -f deploy/

  # In what a chart makes? In what a kustomization makes?
  helm template shop ./chart | caseharden preview -f -
  caseharden preview -k deploy/overlays/production

  # Everything about one workload: each decision, with the evidence
  caseharden preview -f deploy/ --explain deployment/web

  # In the pods that run now, and which findings are there?
  kubectl get pods -A -o json | caseharden preview -f - -o html > preview.html

  # Take the defaults of a profile over into manifests
  caseharden preview -f deploy/ -o diff | git apply

  # Fail a pipeline where manifests leave something unset, or where it would break
  caseharden preview -f deploy/ --profile restricted --exit-code
  caseharden preview -f deploy/ --summary --fail-on risk --min-severity high

  # Show findings and fixes in pull requests, and test results in a pipeline
  caseharden preview -f deploy/ -o sarif > caseharden.sarif
  caseharden preview -f deploy/ -o junit --min-severity high > caseharden.xml

  # Write the exceptions that the findings call for, as a profile
  caseharden preview -f deploy/ -o profile > profiles/fitted.yaml

  # With what the images hold, whose registry Docker's credentials open
  kubectl get pods -A -o json | caseharden preview -f - --images

  # Where no registry can be reached
  caseharden preview -f deploy/ --images --image registry.example.com/app:1=oci-archive:app.tar

  # With a profile of your own
  caseharden preview -f deploy/ --profiles ./profiles --profile legacy-java`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.Flags().Changed("images") && slices.Contains(imagesValues, args[0]) {
				return fmt.Errorf("argument %q: write --images=%[1]s", args[0])
			}
			if len(args) > 0 {
				return fmt.Errorf("argument %q: manifests are given with -f, as in -f %s", args[0], args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notEmpty(cmd.Flags()); err != nil {
				return err
			}
			o.explains = cmd.Flags().Changed("explain")
			return runPreview(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), o, outputs)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.files, "filename", "f", nil, "file, directory with all below it, or - for standard input; can be given several times")
	f.StringVarP(&o.kustomization, "kustomize", "k", "", "directory with a kustomization, in place of -f: kubectl or kustomize from the PATH makes the manifests")
	f.StringArrayVar(&o.excludedNamespaces, "exclude-namespace", nil, "namespace that the webhook excludes beside kube-system; can be given several times")
	f.StringVar(&o.profile, "profile", "hardened", "profile to preview")
	f.StringArrayVar(&o.profiles, "profiles", nil, profilesFlagHelp)
	f.StringVarP(&o.output, "output", "o", outputs[0], "form of the output: "+strings.Join(outputs, ", "))
	f.StringVar(&o.runtime, "runtime", "", "container runtime of the nodes, such as containerd://2.2.0; needed only where no Nodes are among the manifests")
	f.BoolVar(&o.summary, "summary", false, "show the totals only")
	f.StringVar(&o.explain, "explain", "", "show everything about the workloads with this name: NAME, KIND/NAME, NAMESPACE/NAME or KIND/NAMESPACE/NAME")
	f.StringVar(&o.minSeverity, "min-severity", "", "leave out findings below this severity, and count them: "+orList(severityNames()))
	f.StringVar(&o.failOn, "fail-on", "", fmt.Sprintf("exit with %d on this: %s", exitFailed, orList(failConditions)))
	f.BoolVar(&o.exitCode, "exit-code", false, fmt.Sprintf("exit with %d if something would change, as --fail-on change does", exitFailed))
	complete(cmd, "fail-on", completeWords(failConditions...))
	complete(cmd, "min-severity", completeWords(severityNames()...))
	o.images.flags(cmd)
	complete(cmd, "output", completeWords(outputs...))
	complete(cmd, "profile", func() ([]string, cobra.ShellCompDirective) { return completeProfiles(o.profiles) })
	complete(cmd, "profiles", completeDirs)
	return cmd
}

func runPreview(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, o previewOptions, outputs []string) error {
	if err := o.check(outputs); err != nil {
		return err
	}
	profiles, err := loadProfiles(o.profiles)
	if err != nil {
		return err
	}
	profile, err := findProfile(profiles, o.profile)
	if err != nil {
		return fmt.Errorf("--profile: %w", err)
	}

	images, err := startImages(o.images, stderr)
	if err != nil {
		return err
	}
	defer images.stop()

	inputs, unread := manifest.ReadInputs(o.files, stdin)
	if o.kustomization != "" {
		made, err := kustomize(o.kustomization)
		if err != nil {
			return err
		}
		inputs = []manifest.Input{made}
	}
	images.begin(ctx)
	boundMemory(inputs, images != nil)
	progress, done := progressOn(stderr)
	// Other outputs have no use for a profile that has been previewed itself.
	makeReport := preview.New
	if o.output == "profile" {
		makeReport = preview.Fit
	}
	report := makeReport(profile, inputs, preview.Options{
		Unread: unread, ExcludedNamespaces: o.excludedNamespaces, Progress: progress, Today: today(),
		Known: knownImage, Runtime: o.runtime, MinSeverity: evidence.Severity(o.minSeverity),
		Images: images.read(), Locate: o.output == "sarif",
	})
	done()
	if images.interrupted() {
		return errors.New("interrupted")
	}
	if !report.HasManifests() && len(report.Errors) == 0 {
		if slices.Equal(o.files, []string{manifest.Stdin}) {
			return errors.New("no objects on standard input: check the command before the pipe")
		}
		return fmt.Errorf("no objects in %s", strings.Join(append(o.files, o.kustomization)[:max(1, len(o.files))], ", "))
	}
	style := render.Style{Colour: hasColour(stdout), Width: widthOf(stdout), Summary: o.summary}
	var unknown error
	if o.explains {
		if style.Explain, unknown = report.Find(o.explain); unknown != nil {
			unknown = fmt.Errorf("--explain: %w", unknown)
		}
	}
	unwritten := unknown
	if unknown == nil {
		unwritten = render.Write(stdout, report, o.output, style)
	}
	if o.output == "profile" {
		for _, line := range report.Answer.Open() {
			fmt.Fprintf(stderr, "caseharden: left to you: %s\n", line)
		}
	}
	if !o.explains && o.output != outputs[0] { // one workload, and the table, which has them
		writeNotices(stderr, report.Notices)
	}
	for _, w := range report.Warnings {
		fmt.Fprintf(stderr, "caseharden: warning: %s\n", w.Error())
	}
	images.summarize()
	for _, e := range report.Errors {
		fmt.Fprintf(stderr, "caseharden: %s\n", e.Error())
	}
	switch {
	case unwritten != nil:
		return unwritten
	case len(report.Errors) > 0:
		return exitError(1)
	case o.fails(report.Summary):
		return exitError(exitFailed)
	}
	return nil
}

// boundMemory lets garbage grow to twice of what is in use, which saves time, but keeps
// all of it within a bound that goes by the size of the manifests. Images pass through in
// pieces and make a lot of garbage, of which little is let grow.
func boundMemory(inputs []manifest.Input, images bool) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return // the user has decided
	}
	const atLeast = 400 << 20
	size := 0
	for _, in := range inputs {
		size += len(in.Data)
	}
	if images {
		const ofImages = 160 << 20
		debug.SetMemoryLimit(int64(ofImages + 3*size))
		return
	}
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(int64(max(atLeast, 3*size)))
}

// An exitError ends the command with a code, and says nothing: all has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// knownImage returns what public sources say of an image; nil is nothing.
func knownImage(image string) *evidence.Known {
	k, found := known.For(image)
	if !found {
		return nil
	}
	return k
}
