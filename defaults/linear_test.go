// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"strings"
	"testing"
	"time"
)

// The time for a container does not grow with the number of the others, whatever a profile
// has defaults for. While each looked at the labels of all others, this pod took 2 s.
func TestDecisionsTakeLinearTime(t *testing.T) {
	profile := mustParseProfile(t, everything)
	perContainer := func(n int) time.Duration {
		pod, err := ParsePod([]byte(`{"spec":{"containers":[` + strings.TrimSuffix(strings.Repeat(`{"name":"c"},`, n), ",") + `]}}`))
		if err != nil {
			t.Fatal(err)
		}
		var least time.Duration
		for i := range 3 {
			start := time.Now()
			for i := range pod.Containers {
				profile.DecideContainer(pod, &pod.Containers[i])
			}
			profile.DecidePod(pod)
			if took := time.Since(start); i == 0 || took < least {
				least = took
			}
		}
		return least / time.Duration(n)
	}
	if few, many := perContainer(1000), perContainer(16_000); many > 5*few {
		t.Errorf("a container of 16000 takes %s, and one of 1000 %s", many, few)
	}
}
