// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// summary adds it all up.
func (out *printer) summary(r *preview.Report) {
	s := r.Summary
	if s.Objects == 0 {
		if len(r.Errors) == 0 {
			out.line("No objects: every list is empty.")
		}
		return
	}
	if s.Workloads == 0 {
		out.line("No pods and no workloads among %s.", text.Count(s.Objects, "object"))
		out.notPreviewed(r)
		return
	}
	excluded := ""
	if s.Excluded > 0 {
		excluded = fmt.Sprintf(", %d excluded", s.Excluded)
	}
	out.line("%s", out.paint(bold, fmt.Sprintf("Profile %s: %s, %d would change, %d unchanged%s; %s.",
		r.Profile, text.Count(s.Workloads, "workload"), s.Changed, s.Workloads-s.Changed-s.Excluded, excluded, text.Count(s.Containers, "container"))))
	out.notPreviewed(r)
	if s.Workloads == s.Excluded {
		return
	}
	out.line("")
	out.columns(func(w io.Writer) {
		fmt.Fprintln(w, "FIELD\tINJECT\tLEAVE\tSKIP")
		for _, f := range s.Fields {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", f.Field, f.Inject, f.Leave, f.Skip)
		}
	})
	out.line("")
	out.columns(func(w io.Writer) {
		fmt.Fprintln(w, "POD SECURITY\tPRIVILEGED\tBASELINE\tRESTRICTED")
		for _, l := range []struct {
			name   string
			counts preview.LevelCounts
		}{{"before", s.PodSecurity.Before}, {"after", s.PodSecurity.After}} {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", l.name, l.counts.Privileged, l.counts.Baseline, l.counts.Restricted)
		}
	})
	if len(s.Findings) == 0 {
		return
	}
	out.line("")
	out.columns(func(w io.Writer) {
		fmt.Fprintln(w, "HAZARD\tWORKLOADS\tWHAT MAY BREAK")
		for _, h := range s.Findings {
			fmt.Fprintf(w, "%s\t%d\t%s\n", h.ID, h.Workloads, h.Title)
		}
	})
}
