// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// auditEvent is the part of an event of the audit log that the tests look at.
type auditEvent struct {
	RequestURI  string            `json:"requestURI"`
	Annotations map[string]string `json:"annotations"`
}

// auditAnnotations returns our annotations on the event of the request that was
// sent by the field manager, from the audit log of the API server.
func auditAnnotations(t *testing.T, fieldManager string) map[string]string {
	t.Helper()
	return allAuditAnnotations(t, fieldManager)[fieldManager]
}

// allAuditAnnotations returns the same for several field managers, by their names.
func allAuditAnnotations(t *testing.T, fieldManagers ...string) map[string]map[string]string {
	t.Helper()
	missing := map[string]bool{}
	for _, m := range fieldManagers {
		missing[m] = true
	}
	found := map[string]map[string]string{}
	for range 100 {
		data, err := os.ReadFile(controlPlane.AuditLog())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if !strings.HasSuffix(line, "\n") || !strings.Contains(line, "fieldManager=") {
				continue
			}
			if len(fieldManagers) == 1 && !strings.Contains(line, "fieldManager="+fieldManagers[0]) {
				continue
			}
			var event auditEvent
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(err)
			}
			uri, err := url.Parse(event.RequestURI)
			if err != nil {
				t.Fatal(err)
			}
			if m := uri.Query().Get("fieldManager"); missing[m] {
				delete(missing, m)
				found[m] = event.ours()
			}
		}
		if len(missing) == 0 {
			return found
		}
		time.Sleep(20 * time.Millisecond) // an event is written a moment after the answer
	}
	t.Fatalf("the audit log has no event of %d of %d requests: %v", len(missing), len(fieldManagers), missing)
	return nil
}

// ours returns the annotations that are caseharden's.
func (e auditEvent) ours() map[string]string {
	ours := map[string]string{}
	for key, value := range e.Annotations {
		if webhook, key, ok := strings.Cut(key, "/"); ok && strings.HasSuffix(webhook, ".caseharden.io") {
			ours[webhook+"/"+key] = value
		}
	}
	return ours
}
