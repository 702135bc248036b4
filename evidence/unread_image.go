// SPDX-License-Identifier: Apache-2.0

package evidence

import "slices"

var imageUnread = &Cause{
	ID:       "image-unread",
	Title:    "Image that could not be read",
	Settings: nil,
	When:     "images are read, and this one could not be",
	Because:  "nothing is known of what its program and its files need",
	Fix:      "make the image readable where the preview runs, or give its content with --image",
}

// judgeUnread says that nothing is known of an image that could not be read.
func judgeUnread(c *Container, f *Facts) []Finding {
	fields := profiledOf(c).fields()
	if f.ImageErr == nil || f.Image != nil || len(fields) == 0 {
		return nil
	}
	return []Finding{{
		ID: imageUnread.ID, Container: c.Name, Settings: fields, Verdict: Unknown, Severity: Low,
		What: "its image could not be read: " + f.ImageErr.Error(), Fix: imageUnread.Fix,
		Evidence: []Item{{Source: FromImage, Text: f.ImageErr.Error()}},
	}}
}

// fields returns the names of the settings that the profile decides, of those that are
// judged by images.
func (p profiled) fields() []string {
	var fields []string
	for field, is := range map[string]bool{
		capabilitiesDrop: p.drop, noEscalation: p.noNewPrivs, readOnlyRoot: p.readOnly, runAsGroup: p.group, runAsNonRoot: p.nonRoot, runAsUser: p.user,
	} {
		if is {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}
