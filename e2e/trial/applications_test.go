// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/workload"
)

// applications are real servers of the catalogue that have a client in their image, or speak
// HTTP: the trial can exercise them.
var applications = []string{
	"apache", "bind", "caddy", "etcd", "haproxy", "lighttpd", "memcached", "mosquitto", "nats", "nginx",
	"nginx-unprivileged", "openssh", "pgbouncer", "php-fpm", "postgres", "postgres-house", "redis", "uwsgi", "varnish",
}

// For real applications the trial finds what the bench has measured, and disturbs nobody. Then
// each runs under the profile that was written, in a namespace that enforces it.
func TestApplications(t *testing.T) {
	truth, err := catalogue.ReadTruth()
	if err != nil {
		t.Fatal(err)
	}
	apps, err := catalogue.Select(applications)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards the following
	found := map[string]result{}
	t.Run("tried", func(t *testing.T) {
		for _, app := range apps {
			t.Run(app.Name, func(t *testing.T) {
				t.Parallel()
				i := slices.IndexFunc(truth.Apps, func(a catalogue.AppTruth) bool { return a.Name == app.Name })
				r := tried(t, app, truth.Apps[i])
				mu.Lock()
				defer mu.Unlock()
				found[app.Name] = r
			})
		}
	})
	if len(found) == 0 {
		return
	}
	dir := t.TempDir()
	var args []string
	for name, r := range found {
		if r.report.Document == "" {
			continue // all settings work
		}
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(r.report.Document), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--set-file=profiles."+name+".file="+file)
	}
	if err := c.Upgrade(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
	t.Run("serves", func(t *testing.T) {
		for _, app := range apps {
			r, ran := found[app.Name]
			if !ran {
				continue
			}
			t.Run(app.Name, func(t *testing.T) {
				t.Parallel()
				profile := "hardened"
				if r.report.Document != "" {
					profile = app.Name
				}
				i := slices.IndexFunc(truth.Apps, func(a catalogue.AppTruth) bool { return a.Name == app.Name })
				enforced(t, app, profile, truth.Apps[i])
			})
		}
	})
	if *update {
		record(t, apps, found)
	}
}

// tried tries one application beside a client of its Service, and compares what the trial
// found with the truth.
func tried(t *testing.T, app catalogue.App, truth catalogue.AppTruth) result {
	t.Helper()
	load(t, app)
	ns := bedtest.Namespace(t, c, "app-"+app.Name, nil)
	if app.Objects != "" {
		bedtest.Apply(t, c, ns, app.Objects)
	}
	d, err := app.Deployment()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client().AppsV1().Deployments(ns).Create(t.Context(), d, create); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, ns, app)
	bedtest.Within(t, app.Patience(), app.Name+" serves", client.once)
	before := own(t, ns)
	stop := client.start()
	begun := time.Now()
	r := finished(t, command(append([]string{"trial", "deployment/" + app.Name, "-n", ns, "--yes", "-o", "json"}, exercise(t, app)...)...))
	r.took = time.Since(begun)
	served, faults := stop()
	if len(faults) > 0 || served == 0 {
		t.Errorf("the client was served %d times, and then: %q", served, faults)
	}
	if diff := cmp.Diff(before, own(t, ns)); diff != "" {
		t.Errorf("the workload's own pods and their restarts (-before +after):\n%s", diff)
	}
	if names := left(t, ns); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
	if diff := cmp.Diff(verdictsOf(truth.Smallest[0]), verdicts(r.report)); diff != "" {
		others := truth.Smallest[1:]
		if !slices.ContainsFunc(others, func(v catalogue.Variant) bool { return maps.Equal(verdictsOf(v), verdicts(r.report)) }) {
			t.Errorf("exit code %d, %s\nverdicts (-truth +trial):\n%s", r.code, r.report.Sentence, diff)
		}
	}
	return r
}

// A verdict of a setting is one of these.
const (
	kept     = "as in the profile"
	replaced = "another value, or with writable paths"
	leftOut  = "not as in the profile"
)

// verdictsOf returns what the truth says of each setting.
func verdictsOf(v catalogue.Variant) map[string]string {
	all := map[string]string{}
	for _, setting := range catalogue.Settings {
		switch {
		case !slices.Contains(v.Settings, setting):
			all[setting] = leftOut
		case slices.Contains(v.Differs(), setting):
			all[setting] = replaced
		default:
			all[setting] = kept
		}
	}
	return all
}

// verdicts returns what the trial says of each setting. The truth knows no capabilities that
// are kept: to drop all but some is not to drop all. What the author sets is no default.
func verdicts(r report) map[string]string {
	all := map[string]string{}
	for _, s := range r.Settings {
		switch {
		case s.Instead == "" && s.Verdict == "fits":
			all[s.Field] = kept
		case s.Instead == "":
			all[s.Field] = s.Verdict
		case strings.HasPrefix(s.Instead, "writable ") || strings.HasPrefix(s.Instead, "as user "):
			all[s.Field] = replaced
		default:
			all[s.Field] = leftOut
		}
	}
	for _, setting := range catalogue.Settings {
		if _, tried := all[setting]; !tried {
			all[setting] = kept
		}
	}
	return all
}

// enforced runs an application in a namespace that enforces a profile: it serves, also after a
// kill, with all settings that the truth allows.
func enforced(t *testing.T, app catalogue.App, profile string, truth catalogue.AppTruth) {
	t.Helper()
	d, err := app.Deployment()
	if err != nil {
		t.Fatal(err)
	}
	var inEffect []string
	outcome, err := workload.Run(t.Context(), c.Cluster, workload.Workload{
		Namespace: "enforced-" + app.Name, Labels: map[string]string{"caseharden.io/enforce": profile},
		Objects: app.Objects, Deployment: d, Checks: app.Check, Patience: 2 * app.Patience(),
		Look: func(_ context.Context, pod *corev1.Pod) error {
			inEffect = catalogue.InEffect(&pod.Spec)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !outcome.Works {
		t.Fatalf("does not serve under the profile that the trial wrote: %s\n%s", outcome.How, outcome.Log)
	}
	for _, v := range truth.Smallest {
		if slices.Equal(inEffect, v.Settings) {
			return
		}
	}
	t.Errorf("has %q, and could have %q", inEffect, truth.Smallest[0].Settings)
}

// load loads the image of an application into the cluster.
func load(t *testing.T, app catalogue.App) {
	t.Helper()
	builder, err := catalogue.Builder()
	if err != nil {
		t.Fatal(err)
	}
	image, err := app.Built(builder)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.LoadArchive(t.Context(), image.Archive, image.Name); err != nil {
		t.Fatal(err)
	}
}

// exercise returns the flags with which the trial asks what the checks of the catalogue ask,
// as far as a command in the container, or a GET request, can ask it.
func exercise(t *testing.T, app catalogue.App) []string {
	t.Helper()
	switch app.Name {
	case "openssh": // the exchange of keys is where the server changes its user
		return []string{"--exec", "ssh-keyscan 127.0.0.1 2>/dev/null | grep -q ssh-"}
	case "uwsgi": // writes when it is asked by POST
		return []string{"--exec", `python3 -c 'import urllib.request as r; r.urlopen("http://127.0.0.1:8080/", b"x")'`}
	case "etcd": // has no client
		return []string{"--http=/health"}
	}
	for _, check := range app.Check {
		switch {
		case check.HTTP != nil && check.HTTP.Body == "" && check.HTTP.Method == "":
			return []string{"--http=" + check.HTTP.Path, fmt.Sprint("--port=", check.HTTP.Port)}
		case check.Exec != nil:
			return []string{"--exec", quoted(check.Exec.Command)}
		case check.TCP != nil:
			// The last line of the answer, by the shell's own TCP.
			lines := strings.Split(strings.TrimSpace(check.TCP.Want), "\n")
			script := fmt.Sprintf(`exec 3<>/dev/tcp/127.0.0.1/%d; printf '%%b' %s >&3; timeout 5 grep -qam1 -F -- %s <&3`,
				check.TCP.Port, quoted([]string{strings.NewReplacer("\r", `\r`, "\n", `\n`, `\`, `\\`).Replace(check.TCP.Send)}), quoted([]string{lines[len(lines)-1]}))
			return []string{"--exec", quoted([]string{"bash", "-c", script})}
		}
	}
	t.Fatalf("%s: nothing asks it", app.Name)
	return nil
}

// quoted returns words as a shell reads them.
func quoted(words []string) string {
	var all []string
	for _, w := range words {
		all = append(all, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(all, " ")
}
