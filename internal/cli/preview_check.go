// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// runtimeForm is how kubelets name the runtimes that Kubernetes documents, with a version.
var runtimeForm = regexp.MustCompile(`^(containerd|cri-o|docker)://[0-9]+\.[0-9]+[0-9A-Za-z.+~-]*$`)

// check checks the flags of preview, of which the first of outputs is the default.
func (o *previewOptions) check(outputs []string) error {
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
	if slices.Contains(o.excludedNamespaces, "") {
		return errors.New(`--exclude-namespace "": must name a namespace`)
	}
	if i := slices.Index(o.files, manifest.Stdin); i >= 0 && slices.Contains(o.files[i+1:], manifest.Stdin) {
		return errors.New("-f -: standard input can be read only once")
	}
	if !slices.Contains(outputs, o.output) {
		return fmt.Errorf("--output %q: must be one of %s", o.output, strings.Join(outputs, ", "))
	}
	if o.runtime != "" && !runtimeForm.MatchString(o.runtime) {
		return fmt.Errorf("--runtime %q: must be containerd://VERSION, cri-o://VERSION or docker://VERSION, such as containerd://2.2.0, as a Node has it in status.nodeInfo.containerRuntimeVersion", o.runtime)
	}
	return o.checkFindings(outputs[0])
}

// notEmpty returns an error for a flag that is given without a value, as by a variable of a
// script that is not set: it would be ignored.
func notEmpty(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "explain" && err == nil {
			err = fmt.Errorf("--%s \"\": must not be empty", f.Name)
		}
	})
	return err
}

// checkFindings checks the flags that say which findings are shown, and how.
func (o *previewOptions) checkFindings(table string) error {
	if err := checkConditions(o.failOn, o.minSeverity); err != nil {
		return err
	}
	switch {
	case o.exitCode && o.failOn != "" && o.failOn != failOnChange:
		return fmt.Errorf("--exit-code and --fail-on %s: give one of them", o.failOn)
	case o.summary && o.explains:
		return errors.New("--summary and --explain: give one of them")
	case o.summary && o.output != table:
		return fmt.Errorf("--summary: is a form of -o %s, and -o %s has everything", table, o.output)
	case o.explains && o.output != table:
		return fmt.Errorf("--explain: is a form of -o %s, and -o %s has everything", table, o.output)
	}
	return nil
}

// checkConditions checks the flags --fail-on and --min-severity, which may be empty.
func checkConditions(failOn, minSeverity string) error {
	switch {
	case minSeverity != "" && !slices.Contains(severityNames(), minSeverity):
		return fmt.Errorf("--min-severity %q: must be %s", minSeverity, orList(severityNames()))
	case failOn != "" && !slices.Contains(failConditions, failOn):
		return fmt.Errorf("--fail-on %q: must be %s", failOn, orList(failConditions))
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
