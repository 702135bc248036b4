// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/caseharden/caseharden/trial"
)

// An Output is a form of output.
type Output struct{ Name, Help string }

// Outputs returns the forms of output; the first is the default.
func Outputs() []Output {
	return []Output{
		{"table", "for each setting whether it works, and the line that decides"},
		{"profile", "a profile with the exceptions that were found and proven"},
		{"json", "everything, with each copy that ran and the evidence"},
	}
}

// Write writes the reports in one form. The profile has the name and the base.
func Write(w io.Writer, output string, reports []*trial.Report, name, base string) error {
	switch output {
	case "profile":
		return writeProfile(w, reports, name, base)
	case "json":
		text, err := json.MarshalIndent(list{"caseharden.io/v1alpha1", "TrialList", reports}, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	}
	return writeTable(w, reports)
}

type list struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Items      []*trial.Report `json:"items"`
}

// writeProfile writes one profile for all workloads. What rests on no proof is a comment.
func writeProfile(w io.Writer, reports []*trial.Report, name, base string) error {
	for _, r := range reports {
		_, err := fmt.Fprintf(w, "# %s: %s.\n", workload(r), r.Conclusion)
		if err == nil && r.Conclusion != trial.AllWork && r.Conclusion != trial.ExceptionsFound {
			_, err = fmt.Fprintf(w, "#   %s\n", oneLine(r.Sentence))
		}
		for _, c := range sortedKeys(r.Evidence.Images) {
			if err == nil {
				_, err = fmt.Fprintf(w, "#   container %s ran %s\n", oneLine(c), oneLine(r.Evidence.Images[c]))
			}
		}
		if err != nil {
			return err
		}
	}
	text, err := trial.Document(name, base, reports)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
