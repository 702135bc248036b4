// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"strconv"
	"testing"
	"time"
)

// The key pairs of the tables: a is what works, b the one after it.
var (
	pairA   = modelKeyPair(0, 0)
	pairB   = modelKeyPair(4, 1)
	expired = modelKeyPair(-10, 0)
	future  = modelKeyPair(100, 0)

	futureCA  = &keyPair{issuer: future.issuer, leaf: pairA.leaf}
	tooLong   = longKeyPair()
	otherHost = eight()[1]
)

// longKeyPair returns one that lives longer than the settings say.
func longKeyPair() *keyPair {
	c := modelKeyPair(0, 5)
	c.issuer.NotAfter = c.issuer.NotAfter.AddDate(100, 0, 0)
	return c
}

// foreign returns key pairs whose CAs are not ours.
func foreign(n int) []*keyPair {
	var all []*keyPair
	for i := range n {
		c := modelKeyPair(1, 20+i)
		c.issuer.Subject.CommonName = "Example Root " + strconv.Itoa(i)
		all = append(all, c)
	}
	return all
}

// eight are as many as a caBundle may hold.
func eight() []*keyPair {
	all := []*keyPair{pairA}
	for i := range maxCAs - 1 {
		all = append(all, modelKeyPair(0, i+1))
	}
	return all
}

// bundles returns the view of a configuration with the CAs of these in each webhook.
func bundles(webhooks ...[]*keyPair) configurationView {
	v := configurationView{exists: true}
	for i, pairs := range webhooks {
		var cas []*x509.Certificate
		for _, c := range pairs {
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
	some := func(c ...*keyPair) []*keyPair { return c }
	const helmRecord = "the Secret has the label owner=helm, by which Helm finds records of releases"
	long, short := modelStart.Add(-time.Hour), at(5).Add(-modelTick/2)
	for name, tt := range map[string]struct {
		tick          int
		secret        secretView
		configuration configurationView
		serving       *keyPair
		since         map[*keyPair]time.Time
		do            step
		why           string
		bundle        []*keyPair
	}{
		"there is no Secret":                                   {1, secretView{currentProblem: "there is no Secret"}, bundles(nil), nil, nil, stepGenerate, "there is no Secret", nil},
		"there is no Secret, but what is served":               {1, secretView{currentProblem: "there is no Secret"}, bundles(some(pairA)), pairA, nil, stepRestore, "there is no Secret", nil},
		"the Secret is somebody else's":                        {1, secretView{foreign: "x", currentProblem: "it is of x"}, bundles(some(pairA)), pairA, nil, stepRefuse, "it is of x", nil},
		"the Secret is somebody else's, and caBundle is wiped": {1, secretView{foreign: "x", currentProblem: "it is of x"}, bundles(nil), pairA, nil, stepPublish, "the CA of the serving certificate was missing", some(pairA)},
		"the Secret was somebody else's at the start":          {1, secretView{foreign: "x", currentProblem: "it is of x"}, bundles(nil), nil, nil, stepRefuse, "it is of x", nil},
		"current has expired, what is served too":              {7, secretView{current: pairA}, bundles(some(pairA)), pairA, nil, stepGenerate, "serving certificate expired at 2026-01-01T12:00:00Z", nil},
		"current has expired, next is there":                   {7, secretView{current: expired, next: pairB}, bundles(some(pairB)), nil, nil, stepPromote, "no other certificate can be trusted", nil},
		"current is due":                                       {4, secretView{current: pairA}, bundles(some(pairA)), pairA, nil, stepGenerate, "two thirds of its life have passed", nil},
		"current is not due yet":                               {3, secretView{current: pairA}, bundles(some(pairA)), pairA, nil, nothing, "", nil},
		"next has come":                                        {4, secretView{current: pairA, next: pairB}, bundles(some(pairA)), pairA, nil, stepPublish, "the CAs have changed", some(pairA, pairB)},
		"next is due itself":                                   {8, secretView{current: pairB, next: pairA}, bundles(some(pairB)), pairB, nil, stepGenerate, "two thirds of its life have passed", nil},
		"next is published":                                    {5, secretView{current: pairA, next: pairB}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairA: long, pairB: short}, nothing, "", nil},
		"next is published for long":                           {5, secretView{current: pairA, next: pairB}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairA: long, pairB: long}, stepPromote, "its CA has been in every caBundle for long enough", nil},
		"one webhook lacks next":                               {5, secretView{current: pairA, next: pairB}, bundles(some(pairA, pairB), some(pairA)), pairA, map[*keyPair]time.Time{pairA: long}, stepPublish, "the CAs have changed", some(pairA, pairB)},
		"a new webhook has none":                               {1, secretView{current: pairA}, bundles(some(pairA), nil), pairA, nil, stepPublish, "the CA of the serving certificate was missing", some(pairA)},
		"current is another, and trusted at last":              {5, secretView{current: pairB}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairB: short}, nothing, "its CA has not been in every caBundle for 2h0m0s yet", nil},
		"current is another, and long trusted":                 {5, secretView{current: pairB}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairB: long}, stepServe, "", nil},
		"what is served is not trusted any more":               {5, secretView{current: pairB}, bundles(some(pairB)), expired, map[*keyPair]time.Time{pairB: short}, stepServe, "", nil},
		"nothing is served yet":                                {1, secretView{current: pairA}, bundles(some(pairA)), nil, nil, stepServe, "", nil},
		"nothing is served yet, nor trusted":                   {1, secretView{current: pairA}, bundles(nil), nil, nil, stepPublish, "the CAs have changed", some(pairA)},
		"what is served is in no Secret":                       {5, secretView{current: pairB}, bundles(nil), pairA, nil, stepPublish, "the CA of the serving certificate was missing", some(pairA, pairB)},
		"the first, where nobody works":                        {5, secretView{next: pairB, currentProblem: "x"}, bundles(some(pairB)), nil, map[*keyPair]time.Time{pairB: short}, stepPromote, "no other certificate can be trusted", nil},
		"the first, where somebody may work":                   {5, secretView{next: pairB, currentProblem: "x"}, bundles(some(pairA, pairB)), nil, map[*keyPair]time.Time{pairB: short}, nothing, "its CA has not been in every caBundle for 2h0m0s yet, and a certificate of another CA there may work", nil},
		"the configuration is of no webhook":                   {1, secretView{current: pairA}, configurationView{exists: true}, pairA, nil, nothing, "the webhook configuration has no webhook", nil},
		"current is not valid yet":                             {1, secretView{current: future}, bundles(some(pairA, future)), pairA, map[*keyPair]time.Time{future: long}, stepRestore, "serving certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"current is not valid yet, and nothing is served":      {1, secretView{current: future}, bundles(some(pairA)), nil, nil, stepGenerate, "serving certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"current is not valid yet, what is served has expired": {7, secretView{current: future}, bundles(some(future)), pairA, nil, stepGenerate, "serving certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"the CA of current is not valid yet":                   {1, secretView{current: futureCA}, bundles(some(pairA)), pairA, nil, stepRestore, "CA certificate not yet valid until 2026-01-09T07:00:00Z", nil},
		"next is not valid yet, and not due":                   {1, secretView{current: pairA, next: future}, bundles(some(pairA)), pairA, nil, nothing, "", nil},
		"next is not valid yet":                                {4, secretView{current: pairA, next: future}, bundles(some(pairA)), pairA, map[*keyPair]time.Time{future: long}, stepGenerate, "two thirds of its life have passed", nil},
		"what is not valid yet does not work":                  {5, secretView{next: pairB, currentProblem: "x"}, bundles(some(future, pairB)), nil, map[*keyPair]time.Time{pairB: short}, stepPromote, "no other certificate can be trusted", nil},
		"current lives too long":                               {1, secretView{current: tooLong}, bundles(some(pairA)), pairA, nil, stepRestore, "it lives longer than the configured lifetime, and its CA is not in every caBundle", nil},
		"current lives too long, and nothing is served":        {1, secretView{current: tooLong}, bundles(some(pairA)), nil, nil, stepGenerate, "it lives longer than the configured lifetime, and its CA is not in every caBundle", nil},
		"current lives too long, and is trusted":               {1, secretView{current: tooLong}, bundles(some(pairA, tooLong)), pairA, nil, stepGenerate, "it lives longer than the configured lifetime", nil},
		"current lives too long, and is served":                {1, secretView{current: tooLong, next: pairA}, bundles(nil), tooLong, nil, stepPublish, "the CA of the serving certificate was missing", some(tooLong, pairA)},
		"current lives too long, is served, not to be trusted": {1, secretView{current: tooLong, next: pairA}, configurationView{}, tooLong, nil, nothing, "there is no webhook configuration", nil},
		"next lives too long":                                  {1, secretView{current: pairA, next: tooLong}, bundles(some(pairA)), pairA, nil, nothing, "", nil},
		"too long, and trusted, at the start":                  {1, secretView{current: tooLong, next: pairA}, bundles(some(pairA, tooLong)), nil, nil, stepServe, "", nil},
		"what is served is trusted no more, and current is":    {5, secretView{current: pairB}, bundles(some(pairA, pairB), some(pairB)), pairA, map[*keyPair]time.Time{pairB: short}, stepPublish, "the CA of the serving certificate was missing", some(pairA, pairB)},
		"too many CAs, and current is old":                     {4, secretView{current: pairA}, bundles(eight()), pairA, nil, stepGenerate, "two thirds of its life have passed", nil},
		"too many CAs, and current does not suit":              {1, secretView{current: otherHost}, bundles(eight()), otherHost, nil, stepRefuse, "it is not for a.example, and 8 CAs of Caseharden are valid already: replicas with different options may be replacing each other's certificates", nil},
		"too many CAs, and nothing is served":                  {1, secretView{current: otherHost}, bundles(eight()), nil, nil, stepServe, "", nil},
		"CAs of others":                                        {1, secretView{current: otherHost}, bundles(append(eight()[:maxCAs-1], foreign(40)...)), otherHost, nil, stepGenerate, "it is not for a.example", nil},
		"CAs of ours that have expired":                        {1, secretView{current: otherHost}, bundles(append(eight()[:maxCAs-1], expired)), otherHost, nil, stepGenerate, "it is not for a.example", nil},
		"too many CAs, and current lives too long":             {1, secretView{current: tooLong}, bundles(append(eight(), tooLong)), pairA, nil, stepGenerate, "it lives longer than the configured lifetime", nil},
		"too many CAs, current lives too long, and is served":  {1, secretView{current: tooLong}, bundles(append(eight(), tooLong)), tooLong, nil, stepGenerate, "it lives longer than the configured lifetime", nil},
		"too many CAs, and nothing works":                      {7, secretView{current: expired}, bundles(eight()), nil, nil, stepGenerate, "serving certificate expired at 2025-12-31T16:00:00Z", nil},
		"next suits another replica":                           {4, secretView{current: pairA, next: pairB}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairB: long}, stepPromote, "its CA has been in every caBundle for long enough", nil},
		"nothing is served yet, nor is there a configuration":  {1, secretView{current: pairA}, configurationView{}, nil, nil, nothing, "there is no webhook configuration", nil},
		"a record of Helm":                                     {1, secretView{current: pairA, helmRecord: true}, bundles(some(pairA)), pairA, nil, stepClean, helmRecord, nil},
		"a record of Helm, without a configuration":            {1, secretView{current: pairA, helmRecord: true}, configurationView{}, pairA, nil, stepClean, helmRecord, nil},
		"a record of Helm, while next is published":            {5, secretView{current: pairA, next: pairB, helmRecord: true}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairA: long, pairB: short}, stepClean, helmRecord, nil},
		"a record of Helm, while current is new":               {5, secretView{current: pairB, helmRecord: true}, bundles(some(pairA, pairB)), pairA, map[*keyPair]time.Time{pairB: short}, stepClean, helmRecord, nil},
		"a record of Helm, and somebody may work":              {5, secretView{next: pairB, currentProblem: "x", helmRecord: true}, bundles(some(pairA, pairB)), nil, map[*keyPair]time.Time{pairB: short}, stepClean, helmRecord, nil},
		"a record of Helm, and replicas contend":               {1, secretView{current: otherHost, helmRecord: true}, bundles(eight()), otherHost, nil, stepClean, helmRecord, nil},
		"a record of Helm, and nothing is served":              {1, secretView{current: pairA, helmRecord: true}, bundles(some(pairA)), nil, nil, stepServe, "", nil},
		"a record of Helm, and caBundle is wiped":              {1, secretView{current: pairA, helmRecord: true}, bundles(nil), pairA, nil, stepPublish, "the CA of the serving certificate was missing", some(pairA)},
		"a record of Helm, and current is due":                 {4, secretView{current: pairA, helmRecord: true}, bundles(some(pairA)), pairA, nil, stepGenerate, "two thirds of its life have passed", nil},
		"a record of Helm, of somebody else":                   {1, secretView{foreign: "x", currentProblem: "it is of x", helmRecord: true}, bundles(some(pairA)), pairA, nil, stepRefuse, "it is of x", nil},
		"there is no configuration":                            {1, secretView{current: pairA}, configurationView{}, pairA, nil, nothing, "there is no webhook configuration", nil},
		"a CA has expired":                                     {7, secretView{current: pairB}, bundles(some(pairA, pairB)), pairB, nil, nothing, "", nil},
		"a CA has expired, one lifetime ago":                   {12, secretView{current: modelKeyPair(9, 0)}, bundles(some(pairA, modelKeyPair(9, 0))), modelKeyPair(9, 0), nil, nothing, "", nil},
		"a CA has expired, longer ago":                         {13, secretView{current: modelKeyPair(10, 0)}, bundles(some(pairA, modelKeyPair(10, 0))), modelKeyPair(10, 0), nil, stepPublish, "the CAs have changed", some(modelKeyPair(10, 0))},
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
			o := modelOptions
			if tt.secret.current == otherHost {
				o.Hosts = []string{"a.example"}
			}
			a := v.plan(o)
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

// Where the two clocks disagree, what works by one of them stays.
func TestPlanWithTwoClocks(t *testing.T) {
	fresh := modelKeyPair(20, 0) // made by a clock that is 19 ticks ahead
	for name, tt := range map[string]struct {
		own, told int // ticks
		secret    secretView
		trusted   []*keyPair
		serving   *keyPair
		do        step
	}{
		"the API server's clock is ahead: the CA stays":        {1, 20, secretView{current: fresh}, []*keyPair{pairA, fresh}, pairA, nothing},
		"the replica's clock is ahead: the CA stays":           {20, 1, secretView{current: pairA}, []*keyPair{pairA}, pairA, nothing},
		"both are ahead: the CA leaves":                        {20, 21, secretView{current: fresh}, []*keyPair{pairA, fresh}, fresh, stepPublish},
		"the API server's clock is ahead: next waits":          {1, 20, secretView{current: pairA, next: fresh}, []*keyPair{pairA, fresh}, pairA, nothing},
		"the replica's clock is behind, and nothing is served": {-100, 20, secretView{next: fresh}, []*keyPair{fresh}, nil, stepPromote},
		"what is served works by neither clock":                {-100, 20, secretView{current: fresh}, []*keyPair{pairA, fresh}, pairA, stepServe},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{secret: tt.secret, serving: tt.serving, own: at(tt.own), ahead: at(tt.told).Sub(at(tt.own)),
				configuration: bundles(tt.trusted)}
			if a := v.plan(modelOptions); a.do != tt.do {
				t.Errorf("plan = %s (%s), want %s", a.do, a.why, tt.do)
			}
		})
	}
}

func TestDue(t *testing.T) {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	leaf := &x509.Certificate{DNSNames: []string{"a.b.svc"}, NotBefore: made.Add(-backdate), NotAfter: made.Add(90 * 24 * time.Hour)}
	c := &keyPair{leaf: leaf, issuer: leaf}
	day := func(n int) time.Time { return made.Add(time.Duration(n) * 24 * time.Hour) }
	for name, tt := range map[string]struct {
		now  time.Time
		o    ManagedOptions
		want string
	}{
		"just made":         {made, ManagedOptions{Hosts: []string{"a.b.svc"}, Lifetime: 90 * 24 * time.Hour}, ""},
		"before two thirds": {day(60).Add(-time.Second), ManagedOptions{Lifetime: 90 * 24 * time.Hour}, ""},
		"at two thirds":     {day(60), ManagedOptions{Lifetime: 90 * 24 * time.Hour}, "two thirds of its life have passed"},
		"for another host":  {made, ManagedOptions{Hosts: []string{"a.b.svc", "c.b.svc"}, Lifetime: 90 * 24 * time.Hour}, "it is not for c.b.svc"},
		"of a longer life":  {made, ManagedOptions{Lifetime: 30 * 24 * time.Hour}, "it lives longer than the configured lifetime"},
		"of a shorter life": {made, ManagedOptions{Lifetime: 365 * 24 * time.Hour}, ""},
		"by a clock behind": {made.Add(-backdate), ManagedOptions{Lifetime: 90 * 24 * time.Hour}, ""},
	} {
		if got := c.due(tt.now, tt.o); got != tt.want {
			t.Errorf("%s: due = %q, want %q", name, got, tt.want)
		}
	}
}
