// SPDX-License-Identifier: Apache-2.0

package html

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
)

// raw is a value that would be injected.
func raw(value string) json.RawMessage { return json.RawMessage(value) }

// hardenedDecisions are those of profile hardened for a container that sets
// nothing, with some of them put in the place of others by their field.
func hardenedDecisions(instead ...preview.Decision) []preview.Decision {
	decisions := []preview.Decision{
		{Field: "allowPrivilegeEscalation", Outcome: "inject", Reason: "unset", Value: raw("false")},
		{Field: "capabilities.drop", Outcome: "inject", Reason: "unset", Value: raw(`["ALL"]`)},
		{Field: "readOnlyRootFilesystem", Outcome: "inject", Reason: "unset", Value: raw("true")},
		{Field: "runAsNonRoot", Outcome: "inject", Reason: "unset", Value: raw("true")},
		{Field: "runAsUser", Outcome: "inject", Reason: "unset", Value: raw("10001")},
		{Field: "seccompProfile", Outcome: "inject", Reason: "unset", Value: raw(`{"type":"RuntimeDefault"}`)},
	}
	for _, d := range instead {
		i := slices.IndexFunc(decisions, func(other preview.Decision) bool { return other.Field == d.Field })
		decisions[i] = d
	}
	return decisions
}

func readOnlyRootHazard(container string) evidence.Finding {
	return evidence.Finding{
		ID: "read-only-root", Container: container,
		What: "The root file system would be read-only, and nothing in the manifest is mounted where applications commonly write, such as /tmp.",
		Fix:  "Mount an emptyDir where the application writes, or set readOnlyRootFilesystem: false on the container.",
	}
}

func fixedUser(container string) evidence.Finding {
	return evidence.Finding{
		ID: "image-user-replaced", Container: container,
		What: "It would run as user 10001, and the image may have files that only its own user can write.",
		Fix:  "Set runAsUser to the user of the image, or runAsUser: 0 where it has to be root.",
	}
}

// sampleReport is a report with workloads of six kinds, in which every outcome
// and every reason occurs, and two documents that could not be read.
func sampleReport() *preview.Report {
	r := &preview.Report{
		APIVersion: "caseharden.io/v1alpha1", Kind: "Preview", Profile: "legacy-java",
		Workloads: []preview.Workload{
			{
				File: "shop/web.yaml", Document: 1, Line: 1, APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web",
				Changed: true,
				Pod:     []preview.Decision{{Field: "fsGroup", Outcome: "inject", Reason: "unset", Value: raw("1000")}},
				Containers: []preview.Container{
					{Name: "migrate", Type: "init", Image: "registry.example/shop/web:1.4.2", Decisions: hardenedDecisions(), WritablePaths: []string{"/tmp", "/var/run"}},
					{Name: "app", Type: "regular", Image: "registry.example/shop/web:1.4.2", Decisions: hardenedDecisions(), WritablePaths: []string{"/tmp", "/var/run"}},
					{Name: "proxy", Type: "regular", Image: "envoyproxy/envoy:v1.34", Decisions: hardenedDecisions(
						preview.Decision{Field: "runAsUser", Outcome: "leave", Reason: "set-on-container"},
						preview.Decision{Field: "runAsNonRoot", Outcome: "leave", Reason: "set-on-pod"},
						preview.Decision{Field: "seccompProfile", Outcome: "skip", Reason: "requested"},
						preview.Decision{Field: "readOnlyRootFilesystem", Outcome: "skip", Reason: "exception", Because: "envoy writes its sockets beside itself"},
					)},
				},
				Findings: []evidence.Finding{
					readOnlyRootHazard("migrate"), readOnlyRootHazard("app"), fixedUser("migrate"), fixedUser("app"),
					{ID: "low-port", Container: "app", What: "It says that it listens on port 80, and user 10001 without NET_BIND_SERVICE may not open it.", Fix: "Listen above 1023, or add NET_BIND_SERVICE and run as root."},
				},
				PodSecurity: &preview.PodSecurity{Before: "baseline", After: "restricted"},
			},
			{
				File: "shop/database.yaml", Document: 2, Line: 24, APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "shop", Name: "database",
				Changed: true,
				Containers: []preview.Container{{Name: "postgres", Type: "regular", Image: "postgres:17", Decisions: hardenedDecisions(
					preview.Decision{Field: "runAsUser", Outcome: "leave", Reason: "set-on-container"},
					preview.Decision{Field: "runAsNonRoot", Outcome: "skip", Reason: "runs-as-root"},
					preview.Decision{Field: "seccompProfile", Outcome: "skip", Reason: "legacy-annotation"},
				)}},
				Findings: []evidence.Finding{
					{ID: "root-loses-capabilities", Container: "postgres", What: "It runs as user 0 and would have no capabilities: changing owners (CHOWN) and becoming another user (SETUID, SETGID) would fail.", Fix: "Add the capabilities it needs, such as CHOWN, SETUID and SETGID; they stay."},
					readOnlyRootHazard("postgres"),
				},
				PodSecurity: &preview.PodSecurity{Before: "baseline", After: "baseline", Missing: []string{
					`runAsNonRoot != true (pod or container "postgres" must set securityContext.runAsNonRoot=true)`,
					`runAsUser=0 (container "postgres" must not set runAsUser=0)`,
				}},
			},
			{
				File: "platform/agent.yaml", Document: 1, Line: 3, APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "monitoring", Name: "node-agent",
				Changed: true,
				Pod: []preview.Decision{
					{Field: "fsGroup", Outcome: "skip", Reason: "beyond-user-namespace"},
					{Field: "seLinuxOptions", Outcome: "skip", Reason: "other-selinux-options"},
					{Field: "runAsGroup", Outcome: "skip", Reason: "group-without-user"},
					{Field: "sysctls", Outcome: "skip", Reason: "host-namespace"},
					{Field: "windowsOptions", Outcome: "skip", Reason: "host-process"},
				},
				Containers: []preview.Container{
					{Name: "agent", Type: "regular", Image: "registry.example/agent@sha256:4f2e0a6c5d1b", Decisions: hardenedDecisions(
						preview.Decision{Field: "allowPrivilegeEscalation", Outcome: "skip", Reason: "privileged"},
						preview.Decision{Field: "capabilities.drop", Outcome: "skip", Reason: "adds-what-is-dropped"},
						preview.Decision{Field: "seccompProfile", Outcome: "skip", Reason: "privileged"},
					)},
					{Name: "tracer", Type: "regular", Image: "registry.example/tracer:2", Decisions: hardenedDecisions(
						preview.Decision{Field: "allowPrivilegeEscalation", Outcome: "skip", Reason: "adds-cap-sys-admin"},
						preview.Decision{Field: "capabilities.drop", Outcome: "skip", Reason: "adds-all-capabilities"},
					)},
					{Name: "debugger", Type: "ephemeral", Image: "busybox", Decisions: hardenedDecisions()},
				},
				Findings:    []evidence.Finding{fixedUser("agent"), fixedUser("tracer"), readOnlyRootHazard("")},
				PodSecurity: &preview.PodSecurity{Before: "privileged", After: "privileged", Missing: []string{`privileged (container "agent" must not set securityContext.privileged=true)`}},
			},
			{
				File: "windows.yaml", Document: 1, Line: 1, APIVersion: "batch/v1", Kind: "CronJob", Namespace: "batch", Name: "reports",
				Containers: []preview.Container{{Name: "report", Type: "regular", Image: "mcr.example/nanoserver:ltsc2025", Decisions: []preview.Decision{
					{Field: "allowPrivilegeEscalation", Outcome: "skip", Reason: "windows-pod"},
					{Field: "runAsNonRoot", Outcome: "leave", Reason: "set-on-container"},
				}}},
				PodSecurity: &preview.PodSecurity{Before: "restricted", After: "restricted"},
			},
			{
				File: "-", Document: 7, Line: 211, APIVersion: "v1", Kind: "Pod", Name: "one-off-",
				Containers: []preview.Container{{Name: "shell", Type: "regular", Decisions: []preview.Decision{
					{Field: "windowsOptions", Outcome: "skip", Reason: "linux-pod"},
				}}},
				PodSecurity: &preview.PodSecurity{Before: "baseline", After: "baseline", Missing: []string{"seccompProfile"}},
			},
			{
				File: "kube-system/dns.yaml", Document: 1, Line: 1, APIVersion: "apps/v1", Kind: "Deployment", Namespace: "kube-system", Name: "dns",
				Excluded: "the webhook is never called for pods in kube-system",
			},
		},
		Errors: []manifest.Error{
			{File: "shop/broken.yaml", Document: 3, Line: 41, Message: "yaml: mapping values are not allowed in this context"},
			{File: "shop/gone.yaml", Message: "no such file or directory"},
		},
	}
	judge(r)
	postgres := &r.Workloads[1].Findings[1]
	postgres.Verdict, postgres.Severity = evidence.Breaks, evidence.High
	postgres.Evidence = []evidence.Item{{Source: evidence.FromImage, Text: "it belongs to 999:999, mode 0700", Path: "/var/lib/postgresql", Where: "sha256:0f1e2d"}}
	postgres.Exception = &evidence.Exception{Leave: []string{"readOnlyRootFilesystem"}, Container: map[string]json.RawMessage{"runAsUser": raw("999")}, WritablePaths: []string{"/run", "/tmp"}}
	r.Workloads[1].SetVerdicts()
	r.Summary = preview.Summarize(r.Workloads)
	r.Summary.Objects = 19
	return r
}

// judge gives the findings what their kinds have, and the workloads their verdicts.
func judge(r *preview.Report) {
	causes := hazard.CausesByID()
	for i := range r.Workloads {
		w := &r.Workloads[i]
		for j := range w.Findings {
			f := &w.Findings[j]
			f.Verdict, f.Severity, f.Settings = evidence.Risk, causes[f.ID].Severity, causes[f.ID].Settings
			f.Evidence = []evidence.Item{{Source: evidence.FromManifest, Text: f.What}}
		}
		w.SetVerdicts()
	}
}

// bigReport is a report with n workloads of two containers each, none of which is
// like another, as they would come from a whole cluster.
func bigReport(n int) *preview.Report {
	r := &preview.Report{APIVersion: "caseharden.io/v1alpha1", Kind: "Preview", Profile: "hardened"}
	kinds := []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob"}
	for i := range n {
		team := fmt.Sprintf("team-%02d", i%50)
		w := preview.Workload{
			File: fmt.Sprintf("clusters/production/%s/service-%04d.yaml", team, i), Document: 1 + i%3, Line: 1 + i%97,
			APIVersion: "apps/v1", Kind: kinds[i%len(kinds)], Namespace: team, Name: fmt.Sprintf("service-%04d", i), Changed: true,
			Containers: []preview.Container{
				{Name: "app", Type: "regular", Image: fmt.Sprintf("registry.example/%s/service-%04d:1.%d.0", team, i, i%20), Decisions: hardenedDecisions()},
				{Name: "proxy", Type: "regular", Image: "envoyproxy/envoy:v1.34", Decisions: hardenedDecisions(
					preview.Decision{Field: "runAsUser", Outcome: "leave", Reason: "set-on-container"},
					preview.Decision{Field: "readOnlyRootFilesystem", Outcome: "leave", Reason: "set-on-container"})},
			},
			Findings:    []evidence.Finding{fixedUser("app"), readOnlyRootHazard("app")},
			PodSecurity: &preview.PodSecurity{Before: "baseline", After: "restricted"},
		}
		switch i % 10 {
		case 3:
			w.Containers[0].Decisions = hardenedDecisions(preview.Decision{Field: "runAsUser", Outcome: "leave", Reason: "set-on-container"}, preview.Decision{Field: "runAsNonRoot", Outcome: "skip", Reason: "runs-as-root"})
			w.Findings = append(w.Findings[1:], evidence.Finding{ID: "root-loses-capabilities", Container: "app", What: "It runs as user 0 and would have no capabilities.", Fix: "Add the capabilities it needs; they stay."})
			w.PodSecurity = &preview.PodSecurity{Before: "baseline", After: "baseline", Missing: []string{`runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true)`}}
		case 7:
			w.Excluded, w.Changed, w.Containers, w.Findings, w.PodSecurity = "its namespace is excluded", false, nil, nil, nil
		}
		r.Workloads = append(r.Workloads, w)
	}
	judge(r)
	r.Summary = preview.Summarize(r.Workloads)
	return r
}
