// SPDX-License-Identifier: Apache-2.0

package known

import (
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
)

// Whatever is known of an image is a risk and never more, shows its source, and has an
// exception that a profile may have.
func TestNeverMoreThanARisk(t *testing.T) {
	t.Parallel()
	uid, yes, found := int64(10001), true, 0
	for _, facts := range All() {
		c := &evidence.Container{
			Name: "c", PortStart: 1024,
			After: evidence.Security{User: &uid, NonRoot: &yes, NoNewPrivs: true, ReadOnlyRoot: true, Drop: []string{"ALL"}},
		}
		for _, f := range evidence.Judge(c, &evidence.Facts{Known: facts}) {
			found++
			if f.Verdict != evidence.Risk {
				t.Errorf("%s: %s is %s, want %s", facts.Image, f.ID, f.Verdict, evidence.Risk)
			}
			for _, item := range f.Evidence {
				if item.Source == evidence.FromKnown && !strings.HasPrefix(item.Where, "https://") {
					t.Errorf("%s: %s has the source %q", facts.Image, f.ID, item.Where)
				}
			}
			if f.Exception != nil && string(f.Exception.Container["runAsUser"]) == "0" {
				t.Errorf("%s: %s asks a profile for runAsUser: 0", facts.Image, f.ID)
			}
		}
	}
	if least := 45; found < least {
		t.Errorf("all images together have %d findings, want at least %d", found, least)
	}
}
