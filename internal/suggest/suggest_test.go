// SPDX-License-Identifier: Apache-2.0

package suggest

import "testing"

func TestClosest(t *testing.T) {
	known := []string{"hardened", "restricted", "legacy-java", "runAsUser", "runAsNonRoot", "runAsGroup", "app"}
	for misspelled, want := range map[string]string{
		"hardend":         "hardened", // a letter is missing
		"hardenned":       "hardened", // one is too many
		"hardaned":        "hardened", // one is another
		"hadrened":        "hardened", // two are swapped
		"Hardened":        "hardened",
		"hadrend":         "hardened",
		"runasuser":       "runAsUser",
		"runAsuser ":      "runAsUser",
		"runAsUsr":        "runAsUser",
		"runAsNoRoot":     "runAsNonRoot",
		"hard":            "",
		"hardened-strict": "",
		"restrictive":     "", // three
		"ape":             "app",
		"pp":              "", // half of it
		"x":               "",
		"":                "",
		"user":            "",
		"legacy":          "",
	} {
		if got := Closest(misspelled, known); got != want {
			t.Errorf("Closest(%q) = %q, want %q", misspelled, got, want)
		}
	}
}

func TestClosestTakesTheCloser(t *testing.T) {
	if got := Closest("webs", []string{"webapp", "webby", "web", "webs1"}); got != "web" {
		t.Errorf("Closest = %q, want web: the first of the closest", got)
	}
	if got := Closest("web-apps", []string{"web-ap", "web-app"}); got != "web-app" {
		t.Errorf("Closest = %q, want web-app", got)
	}
}
