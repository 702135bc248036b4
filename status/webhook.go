// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A Webhook is an installation, as its MutatingWebhookConfiguration has it.
type Webhook struct {
	Name    string
	Created time.Time
	Entries []Entry

	// Of the Service that the API server calls.
	ServiceNamespace, Service string

	Endpoints *Endpoints // nil: could not be seen, or there is no Service
	Replicas  []Replica  // nil: could not be seen
	Version   string     // of the Deployment, by its label
}

// Endpoints are those of the Service.
type Endpoints struct{ Ready, All int }

// A Replica is a Pod of the installation.
type Replica struct {
	Name, Image string
	Ready       bool
}

// An Entry is the part of the configuration that is for one mode and one profile.
type Entry struct {
	Name, Mode, Profile string
	FailurePolicy       string
	CABundle            []byte
	Namespaces, Objects labels.Selector
	OwnConditions       bool // it has match conditions that the chart does not ship
}

// shippedConditions are the match conditions that every installation has.
var shippedConditions = []string{"not-a-mirror-pod", "not-of-a-controller"}

// ReadWebhook returns the installation that a MutatingWebhookConfiguration is; nil if it is
// of another webhook.
func ReadWebhook(configuration []byte) (*Webhook, error) {
	var c admissionregistrationv1.MutatingWebhookConfiguration
	if err := json.Unmarshal(configuration, &c); err != nil {
		return nil, err
	}
	w := &Webhook{Name: c.Name, Created: c.CreationTimestamp.Time}
	for i := range c.Webhooks {
		h := &c.Webhooks[i]
		if !strings.HasSuffix(h.Name, ".caseharden.io") {
			continue
		}
		e := Entry{Name: h.Name, CABundle: h.ClientConfig.CABundle, FailurePolicy: "Fail", Namespaces: selector(h.NamespaceSelector), Objects: selector(h.ObjectSelector)}
		if h.FailurePolicy != nil {
			e.FailurePolicy = string(*h.FailurePolicy)
		}
		path := ""
		switch service := h.ClientConfig.Service; {
		case service != nil:
			w.ServiceNamespace, w.Service = service.Namespace, service.Name
			if service.Path != nil {
				path = *service.Path
			}
		case h.ClientConfig.URL != nil:
			if u, err := url.Parse(*h.ClientConfig.URL); err == nil {
				path = u.Path
			}
		}
		if parts := strings.Split(strings.Trim(path, "/"), "/"); len(parts) >= 2 {
			e.Mode, e.Profile = parts[len(parts)-2], parts[len(parts)-1]
		} else {
			e.Mode, e.Profile, _ = strings.Cut(strings.TrimSuffix(h.Name, ".caseharden.io"), "-")
		}
		for _, condition := range h.MatchConditions {
			e.OwnConditions = e.OwnConditions || !slices.Contains(shippedConditions, condition.Name)
		}
		w.Entries = append(w.Entries, e)
	}
	if len(w.Entries) == 0 {
		return nil, nil
	}
	return w, nil
}

// selector reads a selector. One that the API server would not accept selects nothing.
func selector(s *metav1.LabelSelector) labels.Selector {
	if s == nil {
		return labels.Everything()
	}
	read, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return labels.Nothing()
	}
	return read
}

// entry returns the entry for a mode and a profile; nil if there is none.
func (w *Webhook) entry(mode, profile string) *Entry {
	if w == nil {
		return nil
	}
	for i := range w.Entries {
		if e := &w.Entries[i]; e.Mode == mode && e.Profile == profile {
			return e
		}
	}
	return nil
}

// Profiles returns the profiles that a mode can name, in the order of their names.
func (w *Webhook) Profiles(mode string) []string {
	names := []string{}
	if w == nil {
		return names
	}
	for _, e := range w.Entries {
		if e.Mode == mode && !slices.Contains(names, e.Profile) {
			names = append(names, e.Profile)
		}
	}
	slices.Sort(names)
	return names
}

// reaches reports whether the API server calls the entry for a namespace.
func (e *Entry) reaches(n *Namespace) bool {
	with := labels.Set{"kubernetes.io/metadata.name": n.Name}
	for key, value := range n.Labels {
		with[key] = value
	}
	return e.Namespaces.Matches(with)
}
