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
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

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
	f.StringVar(&o.explain, "explain", "", "show everything about the workloads with this name: NAME, KIND/NAME or NAMESPACE/NAME")
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
	switch {
	case o.kustomization != "" && len(o.files) > 0:
		return errors.New("-f and -k: give one of them")
	case o.kustomization != "" && o.output == "diff":
		return errors.New("-o diff: nothing could apply a diff of what a kustomization makes: use -o yaml")
	case o.kustomization != "" && o.output == "sarif":
		return errors.New("-o sarif: what a kustomization makes has no lines in files: use -o json or -o junit")
	case o.kustomization == "" && len(o.files) == 0:
		return errors.New("nothing to preview: give manifests with -f FILE, -f DIR, -f - (standard input) or -k DIR")
	}
	if slices.Contains(o.files, "") {
		return errors.New(`-f "": must name a file or a directory, or be - for standard input`)
	}
	if i := slices.Index(o.files, manifest.Stdin); i >= 0 && slices.Contains(o.files[i+1:], manifest.Stdin) {
		return errors.New("-f -: standard input can be read only once")
	}
	if !slices.Contains(outputs, o.output) {
		return fmt.Errorf("--output %q: must be one of %s", o.output, strings.Join(outputs, ", "))
	}
	if o.runtime != "" && !strings.Contains(o.runtime, "://") {
		return fmt.Errorf("--runtime %q: must be as a Node has it in status.nodeInfo.containerRuntimeVersion, such as containerd://2.2.0", o.runtime)
	}
	if err := o.checkFindings(outputs[0]); err != nil {
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
	if o.explain != "" {
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
	if o.explain == "" { // which is about one workload
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

// checkFindings checks the flags that say which findings are shown, and how.
func (o *previewOptions) checkFindings(table string) error {
	switch {
	case o.minSeverity != "" && !slices.Contains(severityNames(), o.minSeverity):
		return fmt.Errorf("--min-severity %q: must be %s", o.minSeverity, orList(severityNames()))
	case o.failOn != "" && !slices.Contains(failConditions, o.failOn):
		return fmt.Errorf("--fail-on %q: must be %s", o.failOn, orList(failConditions))
	case o.exitCode && o.failOn != "" && o.failOn != failOnChange:
		return fmt.Errorf("--exit-code and --fail-on %s: give one of them", o.failOn)
	case o.summary && o.explain != "":
		return errors.New("--summary and --explain: give one of them")
	case o.summary && o.output != table:
		return fmt.Errorf("--summary: is a form of -o %s, and -o %s has everything", table, o.output)
	case o.explain != "" && o.output != table:
		return fmt.Errorf("--explain: is a form of -o %s, and -o %s has everything", table, o.output)
	}
	return nil
}

// fails reports whether the report is as --fail-on or --exit-code says.
func (o *previewOptions) fails(s preview.Summary) bool {
	failOn := o.failOn
	if o.exitCode {
		failOn = failOnChange
	}
	switch failOn {
	case failOnChange:
		return s.Changed > 0
	case failOnRisk:
		return slices.ContainsFunc(s.Findings, func(f preview.FindingSummary) bool {
			return f.Verdict == evidence.Breaks || f.Verdict == evidence.Risk
		})
	case failOnBreaks:
		return s.Verdicts.Breaks > 0
	}
	return false
}

func severityNames() []string {
	var names []string
	for _, s := range preview.Severities() {
		names = append(names, string(s))
	}
	return names
}

// orList lists words such as "a, b or c".
func orList(words []string) string {
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
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

// hasColour says whether colours can be seen, and are wanted (https://no-color.org).
func hasColour(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// widthOf returns the number of columns of a terminal, and 0 of anything else.
func widthOf(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progressOn reports on a terminal how far a preview is, once it takes longer than
// a second. The caller must call done.
func progressOn(w io.Writer) (progress func(done, total int), done func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	next, shown := time.Now().Add(time.Second), false
	return func(done, total int) {
			if now := time.Now(); now.After(next) {
				fmt.Fprintf(w, "\r%d of %d objects", done, total)
				next, shown = now.Add(100*time.Millisecond), true
			}
		}, func() {
			if shown {
				fmt.Fprint(w, "\r\x1b[K")
			}
		}
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
