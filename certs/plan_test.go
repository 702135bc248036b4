// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"testing"
	"time"
)

// The candidates of the tables: a is what works, b the one after it.
var (
	genA    = modelCandidate(0, 0)
	genB    = modelCandidate(4, 1)
	expired = modelCandidate(-10, 0)
)

// eight are as many as a caBundle may hold.
func eight() []*candidate {
	all := []*candidate{genA}
	for i := range maxCAs - 1 {
		all = append(all, modelCandidate(3, i+1))
	}
	return all
}

// bundles returns the view of a configuration with the CAs of these in each webhook.
func bundles(webhooks ...[]*candidate) configurationView {
	v := configurationView{exists: true}
	for i, candidates := range webhooks {
		var cas []*x509.Certificate
		for _, c := range candidates {
			cas = append(cas, c.issuer)
		}
		v.bundles, v.known = append(v.bundles, marshalCAs(cas)), append(v.known, cas)
		if i == 0 {
			v.trusted = cas
			continue
		}
		var both []*x509.Certificate
		for _, ca := range v.trusted {
			if holdsCA(cas, ca) {
				both = append(both, ca)
			}
		}
		v.trusted = both
	}
	return v
}

// The cases of plan, in its order.
func TestPlan(t *testing.T) {
	some := func(c ...*candidate) []*candidate { return c }
	long, short := modelStart.Add(-time.Hour), at(5).Add(-modelTick/2)
	for name, tt := range map[string]struct {
		tick          int
		secret        secretView
		configuration configurationView
		serving       *candidate
		since         map[*candidate]time.Time
		do            verb
		why           string
		bundle        []*candidate
	}{
		"there is no Secret":                                   {1, secretView{currentProblem: "there is no Secret"}, bundles(nil), nil, nil, generate, "there is no Secret", nil},
		"there is no Secret, but what is served":               {1, secretView{currentProblem: "there is no Secret"}, bundles(some(genA)), genA, nil, restore, "there is no Secret", nil},
		"the Secret is somebody else's":                        {1, secretView{foreign: "x", currentProblem: "it is of x"}, bundles(some(genA)), genA, nil, refuse, "it is of x", nil},
		"the Secret is somebody else's, and caBundle is wiped": {1, secretView{foreign: "x", currentProblem: "it is of x"}, bundles(nil), genA, nil, publish, "the CA of the serving certificate was missing", some(genA)},
		"the Secret was somebody else's at the start":          {1, secretView{foreign: "x", currentProblem: "it is of x"}, bundles(nil), nil, nil, refuse, "it is of x", nil},
		"current has expired, what is served too":              {7, secretView{current: genA}, bundles(some(genA)), genA, nil, generate, "serving certificate expired at 2026-01-01T00:06:00Z", nil},
		"current has expired, next is there":                   {7, secretView{current: expired, next: genB}, bundles(some(genB)), nil, nil, promote, "no other certificate can be trusted", nil},
		"current is due":                                       {4, secretView{current: genA}, bundles(some(genA)), genA, nil, generate, "two thirds of its life have passed", nil},
		"current is not due yet":                               {3, secretView{current: genA}, bundles(some(genA)), genA, nil, nothing, "", nil},
		"next has come":                                        {4, secretView{current: genA, next: genB}, bundles(some(genA)), genA, nil, publish, "the CAs have changed", some(genA, genB)},
		"next is due itself":                                   {8, secretView{current: genB, next: genA}, bundles(some(genB)), genB, nil, generate, "two thirds of its life have passed", nil},
		"next is published":                                    {5, secretView{current: genA, next: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genA: long, genB: short}, nothing, "", nil},
		"next is published for long":                           {5, secretView{current: genA, next: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genA: long, genB: long}, promote, "its CA has been in every caBundle for long enough", nil},
		"one webhook lacks next":                               {5, secretView{current: genA, next: genB}, bundles(some(genA, genB), some(genA)), genA, map[*candidate]time.Time{genA: long}, publish, "the CAs have changed", some(genA, genB)},
		"a new webhook has none":                               {1, secretView{current: genA}, bundles(some(genA), nil), genA, nil, publish, "the CA of the serving certificate was missing", some(genA)},
		"current is another, and trusted at last":              {5, secretView{current: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genB: short}, nothing, "its CA has not been in every caBundle for 1m0s yet", nil},
		"current is another, and long trusted":                 {5, secretView{current: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genB: long}, serve, "", nil},
		"what is served is not trusted any more":               {5, secretView{current: genB}, bundles(some(genB)), expired, map[*candidate]time.Time{genB: short}, serve, "", nil},
		"nothing is served yet":                                {1, secretView{current: genA}, bundles(some(genA)), nil, nil, serve, "", nil},
		"nothing is served yet, nor trusted":                   {1, secretView{current: genA}, bundles(nil), nil, nil, publish, "the CAs have changed", some(genA)},
		"what is served is in no Secret":                       {5, secretView{current: genB}, bundles(nil), genA, nil, publish, "the CA of the serving certificate was missing", some(genA, genB)},
		"the first, where nobody works":                        {5, secretView{next: genB, currentProblem: "x"}, bundles(some(genB)), nil, map[*candidate]time.Time{genB: short}, promote, "no other certificate can be trusted", nil},
		"the first, where somebody may work":                   {5, secretView{next: genB, currentProblem: "x"}, bundles(some(genA, genB)), nil, map[*candidate]time.Time{genB: short}, nothing, "its CA has not been in every caBundle for 1m0s yet, and a certificate of another CA there may work", nil},
		"the configuration is of no webhook":                   {1, secretView{current: genA}, configurationView{exists: true}, genA, nil, nothing, "the webhook configuration has no webhook", nil},
		"current is not valid yet":                             {1, secretView{current: modelCandidate(100, 0)}, bundles(some(genA, modelCandidate(100, 0))), genA, map[*candidate]time.Time{modelCandidate(100, 0): long}, nothing, "serving certificate not yet valid until 2026-01-01T00:40:00Z", nil},
		"what is served is trusted no more, and current is":    {5, secretView{current: genB}, bundles(some(genA, genB), some(genB)), genA, map[*candidate]time.Time{genB: short}, publish, "the CA of the serving certificate was missing", some(genA, genB)},
		"too many CAs":                                         {4, secretView{current: genA}, bundles(eight()), genA, nil, refuse, "no further certificate is made while 8 CAs are valid: replicas with different flags seem to contend", nil},
		"too many CAs, and nothing works":                      {7, secretView{current: expired}, bundles(eight()), nil, nil, generate, "serving certificate expired at 2025-12-31T23:56:00Z", nil},
		"next suits another replica":                           {4, secretView{current: genA, next: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genB: long}, promote, "its CA has been in every caBundle for long enough", nil},
		"there is no configuration":                            {1, secretView{current: genA}, configurationView{}, genA, nil, nothing, "there is no webhook configuration", nil},
		"a CA has just expired":                                {6, secretView{current: genB}, bundles(some(genA, genB)), genB, nil, nothing, "", nil},
		"a CA has expired":                                     {8, secretView{current: modelCandidate(7, 0)}, bundles(some(genA, modelCandidate(7, 0))), modelCandidate(7, 0), nil, publish, "the CAs have changed", some(modelCandidate(7, 0))},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{secret: tt.secret, configuration: tt.configuration, serving: tt.serving, trustedSince: map[string]time.Time{}}
			for c, since := range tt.since {
				v.trustedSince[c.id()] = since
			}
			now := at(tt.tick)
			if tt.tick == 8 || tt.tick == 7 {
				now = now.Add(time.Second)
			}
			a := v.plan(now, modelSettings)
			if a.do != tt.do || a.why != tt.why {
				t.Errorf("plan = %s (%s), want %s (%s)", a.do, a.why, tt.do, tt.why)
			}
			var want []*x509.Certificate
			for _, c := range tt.bundle {
				want = append(want, c.issuer)
			}
			if string(marshalCAs(a.bundle)) != string(marshalCAs(want)) {
				t.Errorf("the bundle has %d CAs, want %d", len(a.bundle), len(want))
			}
		})
	}
}

func TestDue(t *testing.T) {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	leaf := &x509.Certificate{DNSNames: []string{"a.b.svc"}, NotBefore: made.Add(-backdate), NotAfter: made.Add(90 * 24 * time.Hour)}
	c := &candidate{leaf: leaf, issuer: leaf}
	day := func(n int) time.Time { return made.Add(time.Duration(n) * 24 * time.Hour) }
	for name, tt := range map[string]struct {
		now  time.Time
		s    settings
		want string
	}{
		"just made":             {made, settings{hosts: []string{"a.b.svc"}, lifetime: 90 * 24 * time.Hour}, ""},
		"before two thirds":     {day(60).Add(-time.Second), settings{lifetime: 90 * 24 * time.Hour}, ""},
		"at two thirds":         {day(60), settings{lifetime: 90 * 24 * time.Hour}, "two thirds of its life have passed"},
		"for another host":      {made, settings{hosts: []string{"a.b.svc", "c.b.svc"}, lifetime: 90 * 24 * time.Hour}, "it is not for c.b.svc"},
		"of a longer life":      {made, settings{lifetime: 30 * 24 * time.Hour}, "it lives longer than a certificate is to live"},
		"of a shorter life":     {made, settings{lifetime: 365 * 24 * time.Hour}, ""},
		"by a clock behind":     {made.Add(-backdate), settings{lifetime: 90 * 24 * time.Hour}, ""},
		"by a clock far behind": {made.Add(-backdate - time.Second), settings{lifetime: 90 * 24 * time.Hour}, ""},
	} {
		if got := c.due(tt.now, tt.s); got != tt.want {
			t.Errorf("%s: due = %q, want %q", name, got, tt.want)
		}
	}
}
