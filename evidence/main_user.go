// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// OwnedByMainUser completes a finding about the owner of a volume: its files belong to the
// user as whom the main program runs now, where the live status, the image or public facts
// tell who that is. The exception then is that user. Root is no answer.
func OwnedByMainUser(finding Finding, c *Container, f *Facts) Finding {
	uid, item, known := mainUser(c, f)
	if !known || uid == 0 || c.After.User == nil || uid == *c.After.User {
		return finding
	}
	finding.Exception = &Exception{Container: map[string]json.RawMessage{runAsUser: json.RawMessage(strconv.FormatInt(uid, 10))}}
	finding.Fix = fmt.Sprintf("set runAsUser: %d in the manifest, as whom the main program runs now; or %s", uid, finding.Fix)
	finding.Evidence = append(finding.Evidence[:len(finding.Evidence):len(finding.Evidence)], item)
	return finding
}

// mainUser returns as whom the main program runs as the manifest is, from the surest source.
func mainUser(c *Container, f *Facts) (uid int64, item Item, known bool) {
	if f.Image != nil && f.Image.Files != nil {
		r, ok := newStudy(c, f).under(c.Before, nil)
		if ok && len(r.mains) > 0 {
			uid := r.mains[len(r.mains)-1].uid
			return uid, r.item("", fmt.Sprintf("the main program runs as user %d", uid), ""), true
		}
	}
	if f.Known.Tells(c) && f.Known.UID != nil && c.Before.User == nil {
		return *f.Known.UID, Item{Source: FromKnown, Text: fmt.Sprintf("the main program of %s runs as user %d", f.Known.Image, *f.Known.UID), Where: f.Known.source()}, true
	}
	if f.Status != nil && f.Status.User != nil {
		uid := f.Status.User.UID
		return uid, Item{Source: FromStatus, Text: fmt.Sprintf("it started as user %d", uid), Where: "status.containerStatuses[].user.linux"}, true
	}
	return 0, Item{}, false
}
