// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"strconv"
	"testing"
	"time"
)

// The candidates of the tables: a is what works, b the one after it.
var (
	genA    = modelCandidate(0, 0)
	genB    = modelCandidate(4, 1)
	expired = modelCandidate(-10, 0)
	future  = modelCandidate(100, 0)

	futureCA  = &candidate{issuer: future.issuer, leaf: genA.leaf}
	tooLong   = longCandidate()
	otherHost = eight()[1]
)

// longCandidate returns one that lives longer than the settings say.
func longCandidate() *candidate {
	c := modelCandidate(0, 5)
	c.issuer.NotAfter = c.issuer.NotAfter.AddDate(100, 0, 0)
	return c
}

// foreign returns candidates whose CAs are not ours.
func foreign(n int) []*candidate {
	var all []*candidate
	for i := range n {
		c := modelCandidate(1, 20+i)
		c.issuer.Subject.CommonName = "Example Root " + strconv.Itoa(i)
		all = append(all, c)
	}
	return all
}

// eight are as many as a caBundle may hold.
func eight() []*candidate {
	all := []*candidate{genA}
	for i := range maxCAs - 1 {
		all = append(all, modelCandidate(0, i+1))
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
		"current has expired, what is served too":              {7, secretView{current: genA}, bundles(some(genA)), genA, nil, generate, "serving certificate expired at 2026-01-01T12:00:00Z", nil},
		"current has expired, next is there":                   {7, secretView{current: expired, next: genB}, bundles(some(genB)), nil, nil, promote, "no other certificate can be trusted", nil},
		"current is due":                                       {4, secretView{current: genA}, bundles(some(genA)), genA, nil, generate, "two thirds of its life have passed", nil},
		"current is not due yet":                               {3, secretView{current: genA}, bundles(some(genA)), genA, nil, nothing, "", nil},
		"next has come":                                        {4, secretView{current: genA, next: genB}, bundles(some(genA)), genA, nil, publish, "the CAs have changed", some(genA, genB)},
		"next is due itself":                                   {8, secretView{current: genB, next: genA}, bundles(some(genB)), genB, nil, generate, "two thirds of its life have passed", nil},
		"next is published":                                    {5, secretView{current: genA, next: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genA: long, genB: short}, nothing, "", nil},
		"next is published for long":                           {5, secretView{current: genA, next: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genA: long, genB: long}, promote, "its CA has been in every caBundle for long enough", nil},
		"one webhook lacks next":                               {5, secretView{current: genA, next: genB}, bundles(some(genA, genB), some(genA)), genA, map[*candidate]time.Time{genA: long}, publish, "the CAs have changed", some(genA, genB)},
		"a new webhook has none":                               {1, secretView{current: genA}, bundles(some(genA), nil), genA, nil, publish, "the CA of the serving certificate was missing", some(genA)},
		"current is another, and trusted at last":              {5, secretView{current: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genB: short}, nothing, "its CA has not been in every caBundle for 2h0m0s yet", nil},
		"current is another, and long trusted":                 {5, secretView{current: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genB: long}, serve, "", nil},
		"what is served is not trusted any more":               {5, secretView{current: genB}, bundles(some(genB)), expired, map[*candidate]time.Time{genB: short}, serve, "", nil},
		"nothing is served yet":                                {1, secretView{current: genA}, bundles(some(genA)), nil, nil, serve, "", nil},
		"nothing is served yet, nor trusted":                   {1, secretView{current: genA}, bundles(nil), nil, nil, publish, "the CAs have changed", some(genA)},
		"what is served is in no Secret":                       {5, secretView{current: genB}, bundles(nil), genA, nil, publish, "the CA of the serving certificate was missing", some(genA, genB)},
		"the first, where nobody works":                        {5, secretView{next: genB, currentProblem: "x"}, bundles(some(genB)), nil, map[*candidate]time.Time{genB: short}, promote, "no other certificate can be trusted", nil},
		"the first, where somebody may work":                   {5, secretView{next: genB, currentProblem: "x"}, bundles(some(genA, genB)), nil, map[*candidate]time.Time{genB: short}, nothing, "its CA has not been in every caBundle for 2h0m0s yet, and a certificate of another CA there may work", nil},
		"the configuration is of no webhook":                   {1, secretView{current: genA}, configurationView{exists: true}, genA, nil, nothing, "the webhook configuration has no webhook", nil},
		"current is not valid yet":                             {1, secretView{current: future}, bundles(some(genA, future)), genA, map[*candidate]time.Time{future: long}, restore, "serving certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"current is not valid yet, and nothing is served":      {1, secretView{current: future}, bundles(some(genA)), nil, nil, generate, "serving certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"current is not valid yet, what is served has expired": {7, secretView{current: future}, bundles(some(future)), genA, nil, generate, "serving certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"the CA of current is not valid yet":                   {1, secretView{current: futureCA}, bundles(some(genA)), genA, nil, restore, "CA certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"next is not valid yet, and not due":                   {1, secretView{current: genA, next: future}, bundles(some(genA)), genA, nil, nothing, "", nil},
		"next is not valid yet":                                {4, secretView{current: genA, next: future}, bundles(some(genA)), genA, map[*candidate]time.Time{future: long}, generate, "two thirds of its life have passed", nil},
		"what is not valid yet does not work":                  {5, secretView{next: genB, currentProblem: "x"}, bundles(some(future, genB)), nil, map[*candidate]time.Time{genB: short}, promote, "no other certificate can be trusted", nil},
		"current lives too long":                               {1, secretView{current: tooLong}, bundles(some(genA)), genA, nil, restore, "it lives longer than a certificate is to live, and its CA is not in every caBundle", nil},
		"current lives too long, and nothing is served":        {1, secretView{current: tooLong}, bundles(some(genA)), nil, nil, generate, "it lives longer than a certificate is to live, and its CA is not in every caBundle", nil},
		"current lives too long, and is trusted":               {1, secretView{current: tooLong}, bundles(some(genA, tooLong)), genA, nil, generate, "it lives longer than a certificate is to live", nil},
		"current lives too long, and is served":                {1, secretView{current: tooLong, next: genA}, bundles(nil), tooLong, nil, publish, "the CA of the serving certificate was missing", some(tooLong, genA)},
		"current lives too long, is served, not to be trusted": {1, secretView{current: tooLong, next: genA}, configurationView{}, tooLong, nil, nothing, "there is no webhook configuration", nil},
		"next lives too long":                                  {1, secretView{current: genA, next: tooLong}, bundles(some(genA)), genA, nil, nothing, "", nil},
		"too long, and trusted, at the start":                  {1, secretView{current: tooLong, next: genA}, bundles(some(genA, tooLong)), nil, nil, serve, "", nil},
		"what is served is trusted no more, and current is":    {5, secretView{current: genB}, bundles(some(genA, genB), some(genB)), genA, map[*candidate]time.Time{genB: short}, publish, "the CA of the serving certificate was missing", some(genA, genB)},
		"too many CAs, and current is old":                     {4, secretView{current: genA}, bundles(eight()), genA, nil, generate, "two thirds of its life have passed", nil},
		"too many CAs, and current does not suit":              {1, secretView{current: otherHost}, bundles(eight()), otherHost, nil, refuse, "it is not for a.example, and 8 CAs of Caseharden are valid already: replicas with different flags seem to contend", nil},
		"too many CAs, and nothing is served":                  {1, secretView{current: otherHost}, bundles(eight()), nil, nil, serve, "", nil},
		"CAs of others":                                        {1, secretView{current: otherHost}, bundles(append(eight()[:maxCAs-1], foreign(40)...)), otherHost, nil, generate, "it is not for a.example", nil},
		"CAs of ours that have expired":                        {1, secretView{current: otherHost}, bundles(append(eight()[:maxCAs-1], expired)), otherHost, nil, generate, "it is not for a.example", nil},
		"too many CAs, and nothing works":                      {7, secretView{current: expired}, bundles(eight()), nil, nil, generate, "serving certificate expired at 2025-12-31T16:00:00Z", nil},
		"next suits another replica":                           {4, secretView{current: genA, next: genB}, bundles(some(genA, genB)), genA, map[*candidate]time.Time{genB: long}, promote, "its CA has been in every caBundle for long enough", nil},
		"there is no configuration":                            {1, secretView{current: genA}, configurationView{}, genA, nil, nothing, "there is no webhook configuration", nil},
		"a CA has expired":                                     {7, secretView{current: genB}, bundles(some(genA, genB)), genB, nil, nothing, "", nil},
		"a CA has expired, one lifetime ago":                   {12, secretView{current: modelCandidate(9, 0)}, bundles(some(genA, modelCandidate(9, 0))), modelCandidate(9, 0), nil, nothing, "", nil},
		"a CA has expired, longer ago":                         {13, secretView{current: modelCandidate(10, 0)}, bundles(some(genA, modelCandidate(10, 0))), modelCandidate(10, 0), nil, publish, "the CAs have changed", some(modelCandidate(10, 0))},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{secret: tt.secret, configuration: tt.configuration, serving: tt.serving, trustedSince: map[string]time.Time{}}
			for c, since := range tt.since {
				v.trustedSince[c.id()] = since
			}
			now := at(tt.tick)
			if tt.tick >= 7 && tt.tick != 12 {
				now = now.Add(time.Second)
			}
			v.own = now
			s := modelSettings
			if tt.secret.current == otherHost {
				s.hosts = []string{"a.example"}
			}
			a := v.plan(now, s)
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
		"just made":         {made, settings{hosts: []string{"a.b.svc"}, lifetime: 90 * 24 * time.Hour}, ""},
		"before two thirds": {day(60).Add(-time.Second), settings{lifetime: 90 * 24 * time.Hour}, ""},
		"at two thirds":     {day(60), settings{lifetime: 90 * 24 * time.Hour}, "two thirds of its life have passed"},
		"for another host":  {made, settings{hosts: []string{"a.b.svc", "c.b.svc"}, lifetime: 90 * 24 * time.Hour}, "it is not for c.b.svc"},
		"of a longer life":  {made, settings{lifetime: 30 * 24 * time.Hour}, "it lives longer than a certificate is to live"},
		"of a shorter life": {made, settings{lifetime: 365 * 24 * time.Hour}, ""},
		"by a clock behind": {made.Add(-backdate), settings{lifetime: 90 * 24 * time.Hour}, ""},
	} {
		if got := c.due(tt.now, tt.s); got != tt.want {
			t.Errorf("%s: due = %q, want %q", name, got, tt.want)
		}
	}
}
