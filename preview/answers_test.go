// SPDX-License-Identifier: Apache-2.0

package preview_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// answerCases are images that break under hardened, each in its own way.
var answerCases = map[string]struct {
	config   evidence.Config
	files    string
	contents map[string]string
}{
	"example.com/unguarded": {
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, Command: []string{"server"}},
		files:    "f 755 0:0 /bin/sh\nf 755 0:0 /usr/bin/server\nf 755 0:0 /usr/bin/gosu\nd 755 0:0 /data",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nchown -R 999:999 /data\nexec gosu 999 \"$@\"\n"},
	},
	"example.com/pinger":  {evidence.Config{Entrypoint: []string{"/usr/bin/pinger"}, User: "1000"}, "f 755 0:0 /usr/bin/pinger cap=NET_RAW+ep", nil},
	"example.com/closed":  {evidence.Config{Entrypoint: []string{"/home/app/run"}, User: "1000"}, "d 700 1000:1000 /home/app\nf 755 1000:1000 /home/app/run", nil},
	"example.com/private": {evidence.Config{Entrypoint: []string{"/run.sh"}, User: "1000"}, "f 750 0:1000 /opt/sh\nf 755 0:0 /run.sh", map[string]string{"/run.sh": "#!/opt/sh\n"}},
	"example.com/writes":  {evidence.Config{Entrypoint: []string{"server"}, Env: []string{"PID=/run/server.pid", "LOG=/var/log/server/error.log"}}, "f 755 0:0 /usr/bin/server\nd 755 0:0 /var/log/server", nil},
	"example.com/state":   {evidence.Config{Entrypoint: []string{"server"}, User: "1000", Env: []string{"STATE=/var/lib/server/state"}}, "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /var/lib/server\nf 644 1000:1000 /var/lib/server/schema", nil},
	"example.com/fine":    {evidence.Config{Entrypoint: []string{"/server"}, User: "1000"}, "f 755 0:0 /server", nil},
}

// The profile that a preview writes answers all that breaks: previewed itself, it leaves
// nothing that an exception could still answer.
func TestAnswersAreFinal(t *testing.T) {
	read := func(images []string, _ string, use func(string, *evidence.Image, error)) {
		for _, name := range images {
			repository, _, _ := strings.Cut(name, ":")
			c, found := answerCases[repository]
			if !found {
				t.Errorf("no image %q", name)
				continue
			}
			use(name, &evidence.Image{Reference: name, Digest: "sha256:" + strings.Repeat("a", 64), Config: c.config, Files: imagetest.New(t, c.files, c.contents)}, nil)
		}
	}
	var text strings.Builder
	for image := range answerCases {
		_, name, _ := strings.Cut(image, "/")
		for i, sc := range []string{"{}", "{runAsNonRoot: true}", "{privileged: true}", "{readOnlyRootFilesystem: true}", "{runAsUser: 1000}"} {
			fmt.Fprintf(&text, "---\n{apiVersion: v1, kind: Pod, metadata: {name: %s-%d}, spec: {containers: [{name: %s, image: \"%s:%d\", securityContext: %s}, {name: fine, image: example.com/fine}]}}\n", name, i, name, image, i, sc)
		}
	}
	for _, base := range []string{"hardened", "compatible", "restricted"} {
		t.Run(base, func(t *testing.T) {
			checkAnswers(t, profiletest.Builtin(t, base), text.String(), preview.Options{Images: read}, base != "restricted")
		})
	}
}

// The same for the pods of CORPUS, with the facts of known images.
func TestAnswersToTheCorpus(t *testing.T) {
	list, _ := corpus(t)
	for _, base := range []string{"hardened", "compatible", "restricted"} {
		t.Run(base, func(t *testing.T) {
			checkAnswers(t, profiletest.Builtin(t, base), string(list), preview.Options{Known: publicFacts}, true)
		})
	}
}

// checkAnswers previews manifests, and then once more with the profile that answers the
// findings.
func checkAnswers(t *testing.T, base *defaults.Profile, manifests string, o preview.Options, some bool) {
	t.Helper()
	inputs := func() []manifest.Input { return []manifest.Input{{Name: "pods.yaml", Data: []byte(manifests)}} }
	first := preview.Fit(base, inputs(), o)
	if len(first.Errors) > 0 {
		t.Fatal(first.Errors[0])
	}
	fitted := mustParse(t, first.Answer.Name, first.Answer.Text)
	second := preview.New(fitted, inputs(), o)

	breaks, exceptions := map[bool]int{}, len(first.Answer.Exceptions)
	for again, r := range map[bool]*preview.Report{false: first, true: second} {
		for _, w := range r.Workloads {
			for _, f := range w.Findings {
				if f.Verdict == evidence.Breaks {
					breaks[again]++
					if again {
						t.Errorf("%s %s still breaks: %s: %s\n%+v", w.Kind, w.Name, f.ID, f.What, f.Exception)
					}
				}
			}
		}
	}
	for _, e := range second.Answer.Exceptions {
		t.Errorf("an exception is called for again: %+v", e)
	}
	if some && exceptions == 0 {
		t.Error("there are no exceptions: the test tests nothing")
	}
	for _, n := range second.Notices {
		t.Errorf("an exception that nobody needs: %+v", n)
	}
	t.Logf("%d exceptions; %d findings of what breaks before, %d after; %d kinds of findings are open\n%s", exceptions, breaks[false], breaks[true], len(first.Answer.Unanswered), first.Answer.Text[:min(len(first.Answer.Text), 3000)])
}

func mustParse(t *testing.T, name string, text []byte) *defaults.Profile {
	t.Helper()
	profiles, err := profile.Parse([]profile.File{{Name: "fitted.yaml", Data: text}})
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return profiles[slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == name })]
}

// The digest of the image that runs is in the report, and beside the exception for it.
func TestDigestThatRuns(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"a","image":"quay.io/a/b:1","securityContext":{"privileged":true}}]},` +
		`"status":{"containerStatuses":[{"name":"a","image":"quay.io/a/b:1","imageID":"quay.io/a/b@` + digest + `","state":{"running":{}},"user":{"linux":{"uid":0,"gid":0}}}]}}`
	report := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "pod.json", Data: []byte(pod)}}, preview.Options{})
	if got := report.Workloads[0].Containers[0].Digest; got != digest {
		t.Errorf("digest %q, want %q", got, digest)
	}
	if want := "# image: quay.io/a/b:1@" + digest + "\n"; !strings.Contains(string(report.Answer.Text), want) {
		t.Errorf("the profile has no %q:\n%s", want, report.Answer.Text)
	}
}
