// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/caseharden/caseharden/defaults"

// A scope is what a policy decides on: the Pod, and which lists of its containers. It is what
// package mutate calls a scope.
//
//	Pods        a new Pod, with its own settings
//	ephemeral   containers that are added to a Pod that runs: all else is read from oldObject
//	workloads   the template of a Deployment, a Job and so on, as a new Pod
type scope struct {
	profile *defaults.Profile
	pod     string          // where the Pod is
	decided []containerList // whose containers are decided on
	others  []containerList // the other containers of the Pod
}

// A containerList is a list of containers of one type.
type containerList struct {
	ofType   defaults.ContainerType
	at       string // where it is
	optional bool   // it may be unset
}

func newPods(p *defaults.Profile) *scope { return wholePod(p, "object") }

func workloads(p *defaults.Profile) *scope { return wholePod(p, "variables.template") }

// wholePod is about a new Pod. It can have no ephemeral containers: the API server refuses them
// there.
func wholePod(p *defaults.Profile, pod string) *scope {
	return &scope{profile: p, pod: pod, decided: []containerList{
		{defaults.Init, pod + ".spec.initContainers", true},
		{defaults.Regular, pod + ".spec.containers", false},
	}}
}

// addedContainers is about the ephemeral containers that oldObject does not have.
func addedContainers(p *defaults.Profile) *scope {
	return &scope{profile: p, pod: "oldObject",
		decided: []containerList{{defaults.Ephemeral, "variables.added", false}},
		others: []containerList{
			{defaults.Init, "oldObject.spec.initContainers", true},
			{defaults.Regular, "oldObject.spec.containers", false},
			{defaults.Ephemeral, "oldObject.spec.ephemeralContainers", true},
		},
	}
}

// list returns the list, which is empty where it is unset.
func (l containerList) list() string {
	if l.optional {
		return "variables." + l.variable().name
	}
	return l.at
}

// variable returns the variable of a list that may be unset.
func (l containerList) variable() variable {
	return variable{name: string(l.ofType) + "List", expression: "has(" + l.at + ") ? " + l.at + " : []"}
}

// exists returns the condition that one of the containers c is as the condition says.
func (l containerList) exists(condition string) string {
	if condition == "" || condition == "false" {
		return "false"
	}
	return l.list() + ".exists(c, " + condition + ")"
}

// all returns the condition that each of the containers c is as the condition says.
func (l containerList) all(condition string) string {
	if condition == "true" {
		return "true"
	}
	return l.list() + ".all(c, " + condition + ")"
}

// anyContainer returns the condition that a container of the Pod is as the condition says.
func (s *scope) anyContainer(condition string) string {
	var conditions []string
	for _, lists := range [][]containerList{s.others, s.decided} {
		for _, l := range lists {
			conditions = append(conditions, l.exists(condition))
		}
	}
	return anyOf(conditions...)
}

// eitherWay returns the condition for a container c whose securityContext may be unset: bare
// is then the condition.
func eitherWay(withContext, bare string) string {
	const has = "has(c.securityContext)"
	switch {
	case withContext == bare:
		return bare
	case bare == "" || bare == "false":
		return allOf(has, withContext)
	case bare == "true":
		return anyOf(not(has), withContext)
	}
	return choose(has, withContext, bare)
}
