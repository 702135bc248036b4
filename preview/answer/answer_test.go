// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
)

func builtin(t testing.TB, name string) *defaults.Profile {
	t.Helper()
	profiles, err := profile.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return named(t, profiles, name)
}

func named(t testing.TB, profiles []*defaults.Profile, name string) *defaults.Profile {
	t.Helper()
	i := slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no profile %s", name)
	}
	return profiles[i]
}

// parsed returns the profile as a user of the file has it.
func parsed(t testing.TB, a *Answer) *defaults.Profile {
	t.Helper()
	profiles, err := profile.Parse([]profile.File{{Name: "answer.yaml", Data: a.Text}})
	if err != nil {
		t.Fatalf("%v:\n%s", err, a.Text)
	}
	return named(t, profiles, a.Name)
}

func finding(verdict evidence.Verdict, text string, e *evidence.Exception, settings ...string) evidence.Finding {
	return evidence.Finding{
		ID: "test", Settings: settings, Verdict: verdict, What: "what",
		Evidence: []evidence.Item{{Source: evidence.FromImage, Text: text, Where: "layer 1"}}, Exception: e,
	}
}

func high(f evidence.Finding) evidence.Finding {
	f.Severity = evidence.High
	return f
}

func raw(value string) json.RawMessage { return json.RawMessage(value) }

func TestText(t *testing.T) {
	own := evidence.Exception{Container: map[string]json.RawMessage{"runAsUser": raw("101"), "capabilities.drop": raw(`["NET_RAW"]`)}}
	a, err := New(builtin(t, "hardened"), []Container{
		{Workload: "Deployment shop/web", Name: "web", Image: "nginx:1.29", Digest: "sha256:1234", Findings: []evidence.Finding{
			finding(evidence.Breaks, "/var/cache/nginx belongs to 101:101, mode 0755", &own, "runAsUser", "capabilities.drop"),
			finding(evidence.Risk, "it writes /run/nginx.pid", &evidence.Exception{WritablePaths: []string{"/run", "/var/cache/nginx"}}, "readOnlyRootFilesystem"),
		}},
		{Workload: "Deployment shop/front", Name: "web", Image: "docker.io/library/nginx:1.28", Findings: nil},
		// The same image, in a container that needs nothing.
		{Workload: "Deployment shop/front", Name: "side", Image: "nginx"},
		{Workload: "StatefulSet shop/db", Name: "db", Image: "registry.example.com/db@sha256:" + strings.Repeat("0", 64), Findings: []evidence.Finding{
			finding(evidence.Breaks, "the entrypoint\nruns\tchown\x1b[31m", &evidence.Exception{Add: []string{"CHOWN"}}, "capabilities.drop"),
		}},
		{Workload: "Pod one", Name: "cache", Image: "redis", Findings: []evidence.Finding{
			finding(evidence.Risk, "it writes /data", &evidence.Exception{WritablePaths: []string{"/data"}}, "readOnlyRootFilesystem"),
		}},
		{Workload: "Pod two", Name: "other-cache", Image: "redis:8", Findings: []evidence.Finding{
			finding(evidence.Risk, "it writes /data", &evidence.Exception{WritablePaths: []string{"/data"}}, "readOnlyRootFilesystem"),
		}},
		{Workload: "Pod app", Name: "app", Image: "example.com/app", Findings: []evidence.Finding{
			finding(evidence.Risk, "a guess", nil, "readOnlyRootFilesystem"),
			finding(evidence.Unknown, "the image could not be read", nil, "runAsUser"),
		}},
		{Workload: "Pod bad", Name: "bad", Image: "example.com/Bad", Findings: []evidence.Finding{
			finding(evidence.Breaks, "x", nil, "readOnlyRootFilesystem"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `# The exceptions that a preview of profile hardened calls for, smallest first. Review each before you enforce it.
#
# Left to you, as these risks may be wrong or no profile can answer them:
# - test: Pod app (container app): it may be wrong; to be safe, leave readOnlyRootFilesystem
# - test: Pod app (container app): nothing shows whether an exception is needed
# - test: Pod bad (container bad): an exception cannot match the container: its name or its image is not valid
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata:
  name: hardened-fitted
spec:
  base: hardened
  exceptions:
    # image: redis, redis:8
    # evidence: image layer 1
    # for: Pod one, Pod two
    - match:
        images: [docker.io/library/redis]
      writablePaths: [{path: /data}]
      reason: it writes /data
    # image: nginx:1.29@sha256:1234
    # evidence: image layer 1
    # for: Deployment shop/web
    - match:
        images: [docker.io/library/nginx]
        containers: [web]
      container:
        capabilities:
          drop: ["NET_RAW"]
        runAsUser: 101
      writablePaths: [{path: /run}, {path: /var/cache/nginx}]
      reason: /var/cache/nginx belongs to 101:101, mode 0755; it writes /run/nginx.pid
    # image: registry.example.com/db@sha256:0000000000000000000000000000000000000000000000000000000000000000
    # evidence: image layer 1
    # for: StatefulSet shop/db
    # smaller, if the author of the Pod adds the capabilities: CHOWN
    - match:
        images: [registry.example.com/db]
      leave: [capabilities.drop]
      reason: the entrypoint runs chown\u001b[31m
`
	if diff := cmp.Diff(want, string(a.Text)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	parsed(t, a)
}

// What the findings of one container call for is one exception.
func TestNeeds(t *testing.T) {
	values := func(field, value string) *evidence.Exception {
		return &evidence.Exception{Container: map[string]json.RawMessage{field: raw(value)}}
	}
	leave := func(fields ...string) *evidence.Exception { return &evidence.Exception{Leave: fields} }
	paths := func(paths ...string) *evidence.Exception { return &evidence.Exception{WritablePaths: paths} }
	for name, tt := range map[string]struct {
		base     string
		findings []evidence.Finding
		want     string // leave, values and paths of the only exception
		open     string
	}{
		"nothing":                          {"hardened", nil, "", ""},
		"fits":                             {"hardened", []evidence.Finding{finding(evidence.Fits, "", leave("runAsUser"), "runAsUser")}, "", ""},
		"proven, and no way is known":      {"hardened", []evidence.Finding{finding(evidence.Breaks, "", nil, "runAsUser", "fsGroup")}, "[runAsUser] [] []", ""},
		"a risk, and no way is known":      {"hardened", []evidence.Finding{finding(evidence.Risk, "", nil, "runAsUser")}, "", "it may be wrong; to be safe, leave runAsUser"},
		"a high risk, and no way is known": {"hardened", []evidence.Finding{high(finding(evidence.Risk, "", nil, "runAsUser"))}, "[runAsNonRoot runAsUser] [] []", ""},
		"a high risk of another setting":   {"hardened", []evidence.Finding{high(finding(evidence.Risk, "", nil, "capabilities.drop"))}, "[capabilities.drop] [] []", ""},
		"a risk that the author ends":      {"hardened", []evidence.Finding{finding(evidence.Risk, "", &evidence.Exception{Add: []string{"A", "B"}}, "capabilities.drop")}, "", "only the author can add the capabilities A, B"},
		"what the base does not fill in":   {"restricted", []evidence.Finding{finding(evidence.Breaks, "", leave("runAsUser"), "runAsUser")}, "", "no exception of this profile changes it"},
		"paths of a root that stays":       {"restricted", []evidence.Finding{finding(evidence.Risk, "", paths("/run"), "readOnlyRootFilesystem")}, "", "no exception of this profile changes it"},
		"two values":                       {"hardened", []evidence.Finding{finding(evidence.Breaks, "", values("runAsUser", "101"), "runAsUser"), finding(evidence.Breaks, "", values("runAsUser", "102"), "runAsUser")}, "[runAsUser] [] []", ""},
		"the same value twice":             {"hardened", []evidence.Finding{finding(evidence.Breaks, "", values("runAsUser", "101"), "runAsUser"), finding(evidence.Breaks, "", values("runAsUser", "101"), "runAsUser")}, "[] [runAsUser 101] []", ""},
		"a value, and left":                {"hardened", []evidence.Finding{finding(evidence.Breaks, "", leave("runAsUser"), "runAsUser"), finding(evidence.Breaks, "", values("runAsUser", "101"), "runAsUser")}, "[runAsUser] [] []", ""},
		"root":                             {"hardened", []evidence.Finding{finding(evidence.Breaks, "", values("runAsUser", "0"), "runAsUser")}, "[runAsNonRoot runAsUser] [] []", ""},
		"a value that weakens":             {"hardened", []evidence.Finding{finding(evidence.Breaks, "", values("allowPrivilegeEscalation", "true"), "allowPrivilegeEscalation")}, "[allowPrivilegeEscalation] [] []", ""},
		"another group":                    {"hardened", []evidence.Finding{finding(evidence.Breaks, "", values("runAsGroup", "7"), "runAsGroup")}, "[] [runAsGroup 7] []", ""},
		"paths, and left":                  {"hardened", []evidence.Finding{finding(evidence.Breaks, "", paths("/run"), "readOnlyRootFilesystem"), finding(evidence.Breaks, "", leave("readOnlyRootFilesystem"), "readOnlyRootFilesystem")}, "[readOnlyRootFilesystem] [] []", ""},
		"a path that cannot be mounted":    {"hardened", []evidence.Finding{finding(evidence.Breaks, "", paths("/run", "/"), "readOnlyRootFilesystem")}, "[readOnlyRootFilesystem] [] []", ""},
		"too many paths":                   {"hardened", []evidence.Finding{finding(evidence.Breaks, "", paths(strings.Fields("/a /b /c /d /e /f /g /h /i /j /k /l /m /n /o /p /q")...), "readOnlyRootFilesystem")}, "[readOnlyRootFilesystem] [] []", ""},
		"the author's alone":               {"hardened", []evidence.Finding{finding(evidence.Breaks, "", values("capabilities.add", `["A"]`), "capabilities.drop")}, "[capabilities.drop] [] []", ""},
		"no field":                         {"hardened", []evidence.Finding{finding(evidence.Breaks, "", leave("x"), "x")}, "", "no exception of this profile changes it"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := New(builtin(t, tt.base), []Container{{Workload: "Pod x", Name: "app", Image: "example.com/app", Findings: tt.findings}})
			if err != nil {
				t.Fatal(err)
			}
			got, open := "", ""
			for _, e := range a.Exceptions {
				var values []string
				for _, v := range e.Values {
					values = append(values, v.Field.Name+" "+v.JSON)
				}
				got += fmt.Sprint(namesOf(e.Leave), values, e.WritablePaths)
			}
			for _, u := range a.Unanswered {
				open += u.Why
			}
			if got = strings.ReplaceAll(got, "][", "] ["); got != tt.want || open != tt.open {
				t.Errorf("exceptions %q, open %q, want %q and %q", got, open, tt.want, tt.open)
			}
			parsed(t, a)
		})
	}
}

// For any findings the text is a valid profile, under which each container differs in every
// setting of its proven findings, and containers of other names in none.
func TestAnyFindings(t *testing.T) {
	bases := []*defaults.Profile{builtin(t, "hardened"), builtin(t, "compatible"), builtin(t, "restricted")}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		base := bases[r.IntN(len(bases))]
		containers := arbitraryContainers(r)
		a, err := New(base, containers)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		p := parsed(t, a)
		for _, c := range containers {
			if c.Name == "" || base.RepositoryOf(c.Image) == "" {
				continue // no exception can match it, and no node can run it
			}
			pod := podOf(t, c)
			before, after := decisionsOf(base, pod), decisionsOf(p, pod)
			for _, f := range c.Findings {
				for _, setting := range f.Settings {
					if f.Verdict == evidence.Breaks && f.Exception == nil && before[setting] != "" && before[setting] == after[setting] {
						t.Errorf("seed %d: container %s of %s: %s is %s as before:\n%s", seed, c.Name, c.Image, setting, after[setting], a.Text)
					}
				}
			}
			if !slices.ContainsFunc(containers, func(o Container) bool {
				return len(o.Findings) > 0 && o.Name == c.Name && base.RepositoryOf(o.Image) == base.RepositoryOf(c.Image)
			}) && cmp.Diff(before, after) != "" {
				t.Errorf("seed %d: container %s of %s needs nothing, and gets an exception:\n%s", seed, c.Name, c.Image, a.Text)
			}
		}
		again, err := New(base, containers)
		if err != nil || string(again.Text) != string(a.Text) {
			t.Errorf("seed %d: the same findings make another text (%v)", seed, err)
		}
	}
}

func arbitraryContainers(r *rand.Rand) []Container {
	oneOf := func(all ...string) string { return all[r.IntN(len(all))] }
	fields := []string{"runAsUser", "capabilities.drop", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "seccompProfile", "runAsNonRoot", "fsGroup"}
	var all []Container
	for range r.IntN(6) {
		c := Container{Workload: oneOf("Pod a", "Pod \x1b b\n"), Name: oneOf("a", "b", "c*", "[", ""), Image: oneOf("nginx", "nginx:1", "quay.io/a/b:x", "example.com/c", "Bad", "")}
		for range r.IntN(3) {
			f := finding(evidence.Verdict(oneOf("breaks", "breaks", "risk", "unknown")), oneOf("x", "", "a: b # c\n- d", strings.Repeat("é\x00", 150)), nil, fields[r.IntN(len(fields))])
			switch r.IntN(4) {
			case 0:
				f.Exception = &evidence.Exception{Leave: []string{oneOf(fields...)}}
			case 1:
				f.Exception = &evidence.Exception{WritablePaths: []string{oneOf("/run", "/", "tmp", "/a: b", "/é #")}}
			case 2:
				f.Exception = &evidence.Exception{Container: map[string]json.RawMessage{oneOf("runAsUser", "runAsGroup", "x"): raw(oneOf("0", "7", `"x"`, "null"))}}
			}
			c.Findings = append(c.Findings, f)
		}
		all = append(all, c)
	}
	return all
}

func podOf(t *testing.T, c Container) *defaults.Pod {
	t.Helper()
	data, err := json.Marshal(map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": c.Name, "image": c.Image}}}})
	if err != nil {
		t.Fatal(err)
	}
	pod, err := defaults.ParsePod(data)
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

// decisionsOf describes what becomes of each field, and what is mounted.
func decisionsOf(p *defaults.Profile, pod *defaults.Pod) map[string]string {
	all := map[string]string{}
	for _, d := range p.Decide(pod) {
		all[d.Field.Name] = fmt.Sprint(d.Outcome, " ", d.Value.JSON)
	}
	if paths, _ := p.WritablePathsFor(pod, &pod.Containers[0]); len(paths) > 0 {
		all["paths"] = fmt.Sprint(paths)
	}
	return all
}

func TestNames(t *testing.T) {
	for base, want := range map[string]string{
		"hardened":                       "hardened-fitted",
		"hardened-fitted":                "hardened-fitted-2",
		"hardened-fitted-2":              "hardened-fitted-3",
		"hardened-fitted-x":              "hardened-fitted-2",
		strings.Repeat("a", 55):          strings.Repeat("a", 48) + "-fitted",
		strings.Repeat("a", 47) + "-bcd": strings.Repeat("a", 47) + "-fitted",
	} {
		if got := nameFor(base); got != want {
			t.Errorf("nameFor(%q) = %q, want %q", base, got, want)
		}
	}
}

// A fleet of one image is one exception, and takes no longer for each Pod.
func TestManyWorkloads(t *testing.T) {
	var containers []Container
	for i := range 50_000 {
		containers = append(containers, Container{Workload: fmt.Sprintf("Pod web-%d", i), Name: "web", Image: fmt.Sprintf("nginx:%d", i), Findings: []evidence.Finding{
			finding(evidence.Breaks, fmt.Sprintf("reason %d", i), nil, "runAsUser"), finding(evidence.Risk, "a guess", nil, "runAsUser"),
		}})
	}
	a, err := New(builtin(t, "hardened"), containers)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Exceptions) != 1 || len(a.Unanswered) != 1 {
		t.Errorf("%d exceptions and %d open:\n%s", len(a.Exceptions), len(a.Unanswered), a.Text)
	}
	for _, want := range []string{"Pod web-0, Pod web-1, Pod web-2 and 49997 more", "Pod web-2 (container web) and 49997 more", "nginx:2 and 49997 more", "reason 0; reason 1; reason 2"} {
		if !strings.Contains(string(a.Text), want) {
			t.Errorf("the text has no %q:\n%s", want, a.Text)
		}
	}
}

// The base may be a profile of a file, which the text names and does not repeat.
func TestOwnBase(t *testing.T) {
	base := profile.File{Name: "own.yaml", Data: []byte("apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: own}\nspec: {container: {runAsUser: 7}}\n")}
	profiles, err := profile.Parse([]profile.File{base})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(named(t, profiles, "own"), []Container{{Workload: "Pod x", Name: "app", Image: "example.com/app", Findings: []evidence.Finding{
		finding(evidence.Breaks, "x", nil, "runAsUser", "readOnlyRootFilesystem"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	profiles, err = profile.Parse([]profile.File{base, {Name: "answer.yaml", Data: a.Text}})
	if err != nil {
		t.Fatalf("%v:\n%s", err, a.Text)
	}
	if got := namesOf(named(t, profiles, "own-fitted").Exceptions[0].Leave); cmp.Diff([]string{"runAsUser"}, got) != "" {
		t.Errorf("leaves %v:\n%s", got, a.Text)
	}
}

// Tags of one repository that need different users share no exception: it would leave both
// with the user of the image. Another value for both stays an exception.
func TestTagsThatDiffer(t *testing.T) {
	user := func(uid string) evidence.Finding {
		return finding(evidence.Risk, "it runs as "+uid, &evidence.Exception{Container: map[string]json.RawMessage{"runAsUser": raw(uid)}}, "runAsUser")
	}
	path := finding(evidence.Risk, "it writes /run", &evidence.Exception{WritablePaths: []string{"/run"}}, "readOnlyRootFilesystem")
	container := func(workload, image string, findings ...evidence.Finding) Container {
		return Container{Workload: workload, Name: "db", Image: image, Findings: findings}
	}
	containers := []Container{container("Pod a", "postgres:17", user("999"), path), container("Pod b", "postgres:17-alpine", user("70"), path), container("Pod c", "postgres:17", user("999"))}
	a, err := New(builtin(t, "hardened"), containers, containers)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Exceptions) != 1 || len(a.Exceptions[0].Leave)+len(a.Exceptions[0].Values) != 0 || len(a.Exceptions[0].WritablePaths) != 1 {
		t.Errorf("exceptions %+v, want one with /run alone", a.Exceptions)
	}
	open := strings.Join(a.Open(), "\n")
	for _, want := range []string{"999 for postgres:17", "70 for postgres:17-alpine", "Pod a, Pod b, Pod c", "set runAsUser in the manifests"} {
		if !strings.Contains(open, want) {
			t.Errorf("open is %q, want %q in it", open, want)
		}
	}
	parsed(t, a)
}

// The worst reason comes first, no reason is there twice, and none is cut off where others
// fit.
func TestReasons(t *testing.T) {
	var r reasons
	r.add(reason{"it writes /run", 2}, reason{"it writes  /run", 2}, reason{"writes /run", 1}, reason{strings.Repeat("long ", 36) + "end", 3}, reason{"user 999", 4})
	if got, want := r.line(), "user 999; it writes /run; and 1 more"; got != want {
		t.Errorf("line is %q, want %q", got, want)
	}
}
