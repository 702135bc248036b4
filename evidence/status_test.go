// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

func TestLiveStatus(t *testing.T) {
	as := func(uid int64) evidence.Status {
		return evidence.Status{User: &evidence.User{UID: uid, GID: uid}, Ready: true}
	}
	code, killed := int32(1), int32(137)
	for _, tt := range []struct {
		name  string
		facts evidence.Facts
		edit  func(c *evidence.Container)
		as    evidence.Status
		want  []string
	}{
		{"it is root", evidence.Facts{}, nil, as(0), []string{`risk user-now [runAsUser]`}},
		{"it is the user of the profile", evidence.Facts{}, nil, as(10001), []string{`fits user-now [runAsUser]`}},
		{"it is the user of the profile, and does not work", evidence.Facts{}, nil, evidence.Status{User: &evidence.User{UID: 10001}}, nil},
		{"it is another user", evidence.Facts{}, nil, as(101), []string{`risk user-now [runAsUser] {"container":{"runAsUser":101}}`}},
		{"the manifest sets its user", evidence.Facts{}, func(c *evidence.Container) { c.Before.User, c.After.User = number(0), number(0) }, as(0), nil},
		{"the runtime does not say", evidence.Facts{}, nil, evidence.Status{Ready: true}, nil},
		{"the image tells more", evidence.Facts{Image: &evidence.Image{Files: imagetest.New(t, "", nil)}}, nil, as(0), nil},
		{"public sources tell more", evidence.Facts{Known: &evidence.Known{UID: number(0)}}, nil, as(0), nil},
		{"it crashes", evidence.Facts{}, nil, evidence.Status{Waiting: "CrashLoopBackOff", Restarts: 7, ExitCode: &code}, []string{`unknown not-running-now []`}},
		{"it needs more memory", evidence.Facts{}, nil, evidence.Status{Restarts: 7, ExitCode: &killed, TermReason: "OOMKilled"}, []string{`unknown not-running-now []`}},
		{"it starts", evidence.Facts{}, nil, evidence.Status{Waiting: "ContainerCreating"}, nil},
		{"the image cannot be read", evidence.Facts{ImageErr: errors.New("no such host")}, nil, evidence.Status{Ready: true}, []string{
			`unknown image-unread [allowPrivilegeEscalation capabilities.drop readOnlyRootFilesystem runAsNonRoot runAsUser]`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.facts.Status = &tt.as
			var got []string
			for _, f := range evidence.Judge(hardened(tt.edit), &tt.facts) {
				if f.What == "" || f.Fix == "" || len(f.Evidence) == 0 {
					t.Errorf("%s says too little: %+v", f.ID, f)
				}
				got = append(got, found(f))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// The causes are in the order of their IDs, and say what they are.
func TestCauses(t *testing.T) {
	last := ""
	for _, c := range evidence.Causes() {
		if c.ID <= last {
			t.Errorf("%s comes after %s", c.ID, last)
		}
		last = c.ID
		if c.Title == "" || c.When == "" || c.Because == "" || c.Fix == "" {
			t.Errorf("%s is not explained", c.ID)
		}
	}
}
