// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/term"
	"github.com/caseharden/caseharden/mutate"
)

// Export returns the profile as YAML documents: the policies and their bindings, for the modes
// given. Namespaces opt in by the labels that the webhook has too. An error names everything in
// the profile that cannot be expressed, with the reason.
func Export(p *defaults.Profile, modes []mutate.Mode, excludedNamespaces []string) (string, error) {
	if err := refused(p); err != nil {
		return "", fmt.Errorf("profile %s cannot be exported:\n%w", p.Name, err)
	}
	var documents []string
	if slices.Contains(modes, mutate.Enforce) {
		for _, d := range enforcing(p) {
			documents = append(documents, d.text(), d.binding(mutate.Enforce, p.Name, excludedNamespaces))
		}
	}
	if slices.Contains(modes, mutate.Warn) || slices.Contains(modes, mutate.Audit) {
		for _, d := range reporting(p) {
			documents = append(documents, d.text())
			for _, mode := range []mutate.Mode{mutate.Warn, mutate.Audit} {
				if slices.Contains(modes, mode) {
					documents = append(documents, d.binding(mode, p.Name, excludedNamespaces))
				}
			}
		}
	}
	return head(p, modes) + strings.Join(documents, "---\n"), nil
}

// head returns the comment at the beginning of an export.
func head(p *defaults.Profile, modes []mutate.Mode) string {
	var names []string
	for _, mode := range modes {
		names = append(names, string(mode))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The profile %s as admission policies, for the modes %s: made by caseharden profiles\n"+
		"# export. The API server fills the settings in by itself. Do not edit: change the profile.\n#\n", p.Name, strings.Join(names, ", "))
	if slices.Contains(modes, mutate.Enforce) {
		b.WriteString("# Mode enforce needs Kubernetes 1.36 or later.\n")
	}
	b.WriteString("# Compared with the webhook:\n")
	for _, loss := range Losses() {
		for i, line := range term.Wrap(loss, 94) {
			fmt.Fprintf(&b, "# %s %s\n", [...]string{"-", " "}[min(i, 1)], line)
		}
	}
	return b.String()
}

// Losses returns what the policies lack that the webhook has, and where they differ: a sentence
// each.
func Losses() []string {
	return []string{
		"There are no metrics by field and reason, no log, and no audit annotations in mode enforce.",
		"Nothing says why a setting was skipped, nor that the annotation caseharden.io/leave asks for something in vain.",
		"kubectl debug is not told what mode enforce has filled in.",
		"A Pod gets one warning with all containers, and the audit log has it as validation_failure.",
		"An error in an expression refuses the Pod. Expressions have a budget: see docs/engines.md for the largest Pods.",
		"A record of an earlier pass is kept only if Caseharden wrote it.",
		fmt.Sprintf("A mount path with .. covers no writable path. If a Pod has volumes with all %d names for a path, the path is not mounted.", volumeNames),
	}
}

// maxExpression is the largest expression that the API server parses (the default of cel-go).
const maxExpression = 100_000

// refused returns what cannot be expressed.
func refused(p *defaults.Profile) error {
	var errs []error
	withDefault := map[*defaults.Field]bool{}
	for _, list := range [][]defaults.Default{p.Container, p.Pod} {
		for _, d := range list {
			withDefault[d.Field] = true
		}
	}
	for i := range p.Exceptions {
		for _, d := range p.Exceptions[i].Container {
			withDefault[d.Field] = true
		}
	}
	nested := map[string]string{}
	for _, f := range defaults.Fields() {
		if !withDefault[f] {
			continue
		}
		for i, c := range f.Conflicts {
			if i >= len(conflictsOf(f)) || conflictsOf(f)[i].reason != c.Reason {
				errs = append(errs, fmt.Errorf("%s: the conflict %s has no expression in CEL", f.Name, c.Reason))
			}
		}
		object, _, found := strings.Cut(f.Name, ".")
		if other := nested[object]; found && other != "" {
			errs = append(errs, fmt.Errorf("%s: a patch cannot add it beside %s", f.Name, other))
		} else if found {
			nested[object] = f.Name
		}
	}
	limits := map[string]string{}
	for _, w := range writablePaths(p) {
		if limit, found := limits[w.Path]; found && limit != w.SizeLimit {
			errs = append(errs, fmt.Errorf("writablePaths: %s has several size limits, and the volume of a policy has one: use the same sizeLimit everywhere", w.Path))
		}
		limits[w.Path] = w.SizeLimit
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, d := range slices.Concat(enforcing(p), reporting(p)) {
		if size := d.largest(); size > maxExpression {
			return fmt.Errorf("exceptions: an expression has %d characters, and the API server parses at most %d: use fewer exceptions", size, maxExpression)
		}
	}
	return nil
}

// largest returns the size of the largest expression.
func (d admissionPolicy) largest() int {
	size := max(len(d.patch), len(d.message))
	for _, v := range d.variables {
		size = max(size, len(v.expression))
	}
	return size
}
