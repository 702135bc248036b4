// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// today returns the day, in UTC, as exceptions have it.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

// writeNotices tells of exceptions that somebody should look at again: each that is overdue
// on a line of its own, and those that no workload needs on one line. A preview of a single
// manifest needs few of the exceptions of a large profile.
func writeNotices(w io.Writer, notices []preview.Notice) {
	const shown = 3
	var unused []string
	for _, n := range notices {
		if n.Kind == preview.Unused {
			unused = append(unused, fmt.Sprintf("%s (%s)", n.Place, n.Reason))
			continue
		}
		fmt.Fprintf(w, "caseharden: notice: %s\n", preview.DescribeException(n.Place, n.Text, n.Reason, n.Owner))
	}
	if len(unused) == 0 {
		return
	}
	more := ""
	if n := len(unused) - shown; n > 0 {
		unused, more = unused[:shown], fmt.Sprintf(" and %d more, which -o json lists", n)
	}
	fmt.Fprintf(w, "caseharden: notice: no workload of this preview needs %s%s\n", text.Visible("the exception at "+strings.Join(unused, ", the exception at ")), more)
}
