// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"

	"github.com/caseharden/caseharden/preview"
)

// writeProfile writes the profile that answers the findings.
func writeProfile(w io.Writer, r *preview.Report, _ Style) error {
	_, err := w.Write(r.Answer.Text)
	return err
}
