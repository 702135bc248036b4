// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A pod near the limit on the size of annotations goes without ours rather than
// being refused for it.
func TestAnnotationNeverTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes int
		want  bool
	}{
		{"room to spare", 1000, true},
		{"full", 256<<10 - len("a"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pod := fmt.Sprintf(`{"metadata":{"annotations":{"a":%q}},"spec":{"containers":[{"name":"app"}]}}`, strings.Repeat("x", tt.bytes))
			response := newWebhook(t).review(t, "/enforce/hardened", create(pod))
			if got := strings.Contains(string(response.Patch), "/metadata/annotations"); got != tt.want {
				t.Errorf("the patch annotates: %t, want %t", got, tt.want)
			}
			if !strings.Contains(string(response.Patch), "runAsUser") || response.AuditAnnotations["injected"] == "" {
				t.Errorf("the pod was not hardened, or it was not said: %s", response.Patch)
			}
		})
	}
}

// A response never holds a warning that the API server would cut, in mode warn or of
// debug containers.
func TestWarningsAreBounded(t *testing.T) {
	long, err := json.Marshal(strings.Repeat("\"ä\n", 200))
	if err != nil {
		t.Fatal(err)
	}
	escaped, err := json.Marshal(strings.Repeat("\x01", 63))
	if err != nil {
		t.Fatal(err)
	}
	pod := fmt.Sprintf(`{"spec":{"containers":[{"name":%s,"securityContext":{"runAsUser":1}},{"name":%s}]}}`, long, escaped)
	response := newWebhook(t).review(t, "/warn/hardened", create(pod))
	if len(response.Warnings) != 2 {
		t.Fatalf("%d warnings, want 2", len(response.Warnings))
	}
	debugging := fmt.Sprintf(`{"spec":{"ephemeralContainers":[{"name":%s},{"name":%s}]}}`, long, escaped)
	enforced := newWebhook(t).review(t, "/enforce/everything", updateEphemeral(barePod, debugging))
	if len(enforced.Warnings) < 5 {
		t.Fatalf("%d warnings, want two of each container, and one more", len(enforced.Warnings))
	}
	for _, warning := range append(response.Warnings, enforced.Warnings...) {
		if len(warning) > maxWarning || strings.Contains(warning, "\n") {
			t.Errorf("warning of %d bytes: %q", len(warning), warning)
		}
	}
}
