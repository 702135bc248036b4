// SPDX-License-Identifier: Apache-2.0

package status

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caseharden/caseharden/evidence"
)

// caSoon is how long before its end a CA is a problem: rotation has been due for weeks.
const caSoon = 7 * 24 * time.Hour

// An Install is the installation of a cluster, as far as the caller may see it.
type Install struct {
	Configuration string     `json:"configuration,omitempty"` // the MutatingWebhookConfiguration; "" if there is none, or it cannot be seen
	Seen          bool       `json:"seen"`                    // whether webhook configurations could be read
	Profiles      []string   `json:"profiles"`                // that enforce can name
	FailurePolicy []string   `json:"failurePolicy"`           // of the entries for enforce
	Service       string     `json:"service,omitempty"`       // as namespace/name
	Endpoints     *Endpoints `json:"endpoints,omitempty"`
	CAUntil       *time.Time `json:"caUntil,omitempty"` // when the last CA of the entry that expires first ends
	Version       string     `json:"version,omitempty"`
	Images        []string   `json:"images,omitempty"` // of the replicas
	Replicas      int        `json:"replicas"`
	Ready         int        `json:"ready"`
	Problems      []Problem  `json:"problems,omitempty"`
}

// cannotSee is what is unseen if webhook configurations could not be read.
const cannotSeeWebhook = "webhook configurations"

func (s *Snapshot) seesWebhook() bool {
	return !slices.ContainsFunc(s.Unseen, func(u Unseen) bool { return u.What == cannotSeeWebhook })
}

// CannotSeeWebhook says that webhook configurations could not be read.
func (s *Snapshot) CannotSeeWebhook(err error) {
	s.Cannot(cannotSeeWebhook, err, "whether the webhook is installed, for which profiles, and whether its CA is valid")
}

// install judges the installation.
func (s *Snapshot) install() Install {
	w := s.Webhook
	i := Install{Seen: s.seesWebhook(), Profiles: w.Profiles("enforce"), FailurePolicy: []string{}}
	problem := func(id string, severity evidence.Severity, what, fix string) {
		i.Problems = append(i.Problems, Problem{id, severity, what, fix})
	}
	if w == nil {
		if i.Seen && slices.ContainsFunc(s.Namespaces, (*Namespace).Asks) {
			problem("not-installed", evidence.High, "namespaces ask for a profile, and there is no MutatingWebhookConfiguration of Caseharden: nothing is hardened", "install Caseharden, or remove the labels")
		}
		return i
	}
	i.Configuration, i.Version = w.Name, w.Version
	if w.Service != "" {
		i.Service = w.ServiceNamespace + "/" + w.Service
	}
	for _, e := range w.Entries {
		if e.Mode == "enforce" && !slices.Contains(i.FailurePolicy, e.FailurePolicy) {
			i.FailurePolicy = append(i.FailurePolicy, e.FailurePolicy)
		}
	}
	slices.Sort(i.FailurePolicy)
	s.judgeCAs(&i, problem)
	if w.Endpoints != nil {
		i.Endpoints = w.Endpoints
		if w.Endpoints.Ready == 0 {
			problem("no-endpoints", evidence.High, "the Service "+i.Service+" has no ready endpoint: the API server cannot call the webhook", "look at the Pods of the Deployment in namespace "+w.ServiceNamespace)
		}
	}
	for _, r := range w.Replicas {
		i.Replicas++
		if r.Ready {
			i.Ready++
		}
		i.Images = insert(i.Images, r.Image)
	}
	if len(i.Images) > 1 {
		problem("several-versions", evidence.Medium, "the replicas run different images: "+strings.Join(i.Images, ", "), "wait for the rollout, or see kubectl rollout status")
	}
	if i.Replicas > 0 && i.Ready < i.Replicas && i.Ready > 0 {
		problem("replica-not-ready", evidence.Medium, fmt.Sprintf("%d of %d replicas are ready", i.Ready, i.Replicas), "look at the Pods in namespace "+w.ServiceNamespace)
	}
	return i
}

// judgeCAs looks at the CAs by which the API server trusts the webhook.
func (s *Snapshot) judgeCAs(i *Install, problem func(id string, severity evidence.Severity, what, fix string)) {
	const fix = "see docs/certificates.md: the replicas, or cert-manager, write caBundle"
	var without []string
	for _, e := range s.Webhook.Entries {
		until, certificates := lastEnd(e.CABundle)
		if certificates == 0 {
			without = append(without, e.Name)
			continue
		}
		if i.CAUntil == nil || until.Before(*i.CAUntil) {
			i.CAUntil = &until
		}
	}
	if len(without) > 0 {
		problem("no-ca", evidence.High, "caBundle holds no certificate: the API server trusts no replica for "+strings.Join(without, ", "), fix)
	}
	switch {
	case i.CAUntil == nil:
	case i.CAUntil.Before(s.Now):
		problem("ca-expired", evidence.High, "every CA in caBundle has expired, on "+i.CAUntil.UTC().Format(time.DateOnly), fix)
	case i.CAUntil.Before(s.Now.Add(caSoon)):
		problem("ca-expires", evidence.Medium, "the last CA in caBundle expires on "+i.CAUntil.UTC().Format(time.DateOnly), fix)
	}
}

// lastEnd returns when the last of the certificates of a bundle ends, and how many it has.
func lastEnd(bundle []byte) (until time.Time, certificates int) {
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			return until, certificates
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			continue
		}
		certificates++
		if c.NotAfter.After(until) {
			until = c.NotAfter
		}
	}
}

// namespaceProblems returns where what a namespace asks for is not what it gets.
func (s *Snapshot) namespaceProblems(n *Namespace) []Problem {
	var problems []Problem
	for _, mode := range modes {
		profile := n.Profile(mode)
		if profile == "" || s.Webhook == nil {
			continue
		}
		severity := evidence.Medium
		if mode == "enforce" {
			severity = evidence.High
		}
		label := labelPrefix + mode + "=" + profile
		switch e := s.Webhook.entry(mode, profile); {
		case e == nil:
			problems = append(problems, Problem{"no-such-profile", severity, "the label " + label + " names no installed profile, and has no effect: there are " + orNone(s.Webhook.Profiles(mode)), "correct the label, or install the profile"})
		case !e.reaches(n):
			problems = append(problems, Problem{"excluded", severity, "the webhook configuration excludes the namespace: the label " + label + " has no effect", "remove the label, or the namespace from webhook.excludedNamespaces and webhook.namespaceSelector"})
		case mode == "enforce" && e.OwnConditions:
			problems = append(problems, Problem{"match-conditions", evidence.Low, "the webhook configuration has match conditions of its own: what they exclude counts as not reviewed", "compare webhook.matchConditions with the Pods that are not reviewed"})
		}
	}
	return problems
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
