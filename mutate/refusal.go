// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/text"
)

// RefusalTexts says what the author of the pod asks for in vain by the annotation
// [defaults.LeaveAnnotation], in at most two sentences: one about fields that the profile
// does not leave to authors, and one about names that are none of a field.
func (c *Change) RefusalTexts() []string {
	var fields, unknown []string
	for _, r := range c.Refusals {
		if r.Field != nil {
			fields = append(fields, r.Name)
		} else {
			unknown = append(unknown, unknownName(r.Name))
		}
	}
	var all []string
	if len(fields) > 0 {
		them := "it"
		if len(fields) > 1 {
			them = "them"
		}
		all = append(all, "profile "+c.profile+" does not allow "+defaults.LeaveAnnotation+" for: "+strings.Join(fields, ", ")+
			" (set "+them+" in the manifest, or list "+them+" under selfService of the profile)")
	}
	if len(unknown) > 0 {
		all = append(all, defaults.LeaveAnnotation+" has unknown names: "+strings.Join(unknown, ", "))
	}
	return all
}

// unknownName quotes a name, with the name of a field that may have been meant.
func unknownName(name string) string {
	const longest = 40
	quoted := strconv.Quote(text.Shorten(name, longest))
	if len(name) > longest {
		return quoted
	}
	if meant := suggest.Closest(name, fieldNames); meant != "" {
		return quoted + " (did you mean " + meant + "?)"
	}
	return quoted
}

// fieldNames are the names of the fields that a profile can fill in.
var fieldNames = func() []string {
	var names []string
	for _, f := range defaults.Fields() {
		if !f.AuthorOnly {
			names = append(names, f.Name)
		}
	}
	return names
}()

// warningsOfRefusals are the texts as warnings.
func warningsOfRefusals(change *Change) []string {
	var all []string
	for _, sentence := range change.RefusalTexts() {
		all = append(all, text.Shorten("caseharden: "+sentence, maxWarning))
	}
	return all
}
