// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"flag"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

var update = flag.Bool("update", false, "rewrite the outputs in the documentation")

// untestedBlocks are the commands of the documentation that cannot run here, where
// there is no node and no network: with why, and the test of what they stand for.
var untestedBlocks = []struct{ document, firstLine, because, test string }{
	{"docs/install.md", "make image IMAGE=REGISTRY/caseharden:v0", "it builds an image, which takes root", "TestNamesAreTakenOver"},
	{"docs/install.md", "helm install caseharden deploy/chart --namespace caseharden --create-namespace \\", "the stage has the chart already", "TestInstall"},
	{"docs/install.md", `sed 's|image: "caseharden:.*"|image: REGISTRY/caseharden:v0|' deploy/install.yaml | kubectl apply -f -`, "the stage has the chart already", "TestRenderedIsAccepted"},
	{"docs/release.md", "make release-verify VERSION=0.1.0 OUT=downloads", "nothing is released", "TestVerify"},
	{"docs/clusters.md", "make image IMAGE=caseharden:v0", "there is no Docker for kind, k3d and minikube", "TestInstall"},
	{"docs/operations.md", "helm test caseharden -n caseharden", "a Pod runs the test, and there is no kubelet", "TestHelmTest"},
	{"docs/operations.md", "caseharden status -n shop --logs", "there are no logs, and there is no kubelet", "TestCommands"},
	{"docs/guide.md", "kubectl rollout status deployment/caseharden -n caseharden", "a rollout ends when pods are ready, and there is no kubelet", "TestDocumentation"},
	{"docs/guide.md", "caseharden trial deployment/web -n shop", "it runs Pods, and there is no kubelet", "TestVerdicts"},
	{"docs/trial.md", "caseharden trial deployment/app -n shop --yes", "it runs Pods, and there is no kubelet", "TestRecordedRun"},
	{"docs/trial.md", "caseharden trial deployment/web -n shop --http /healthz", "it runs Pods, and there is no kubelet", "TestVerdicts"},
	{"docs/trial.md", "caseharden trial --all -n shop --yes -o profile > shop.yaml", "it runs Pods, and there is no kubelet", "TestAllWorkloads"},
	{"docs/profiles.md", "kubectl rollout status deployment/caseharden -n caseharden", "a rollout ends when pods are ready, and there is no kubelet", "TestDocumentation"},
	{"docs/preview.md", "kubectl get pods -A -o json | caseharden preview -f - --images", "there is no network to registries", "TestPrivateRegistry"},
	{"docs/preview.md", "kubectl get nodes,deployments,pods -A -o json | caseharden preview -f -", "there is no kubelet, which reports a status", "TestPodsSpeakForTheirControllers"},
	{"docs/preview.md", "umask 077", "there is no such secret", "TestPrivateRegistry"},
	{"docs/preview.md", "skopeo copy docker://registry.example.com/shop/api:1 oci-archive:api.tar", "there is no network to registries", "TestArchive"},
}

// Every command in the documentation does what is said there. Each document has a
// cluster of its own, in which its commands run from top to bottom.
func TestDocumentation(t *testing.T) {
	for _, d := range documentation(t) {
		if !slices.ContainsFunc(d.blocks, func(b *block) bool { return b.info == tested }) {
			continue // it has no commands
		}
		t.Run(d.name, func(t *testing.T) {
			s := newStage(t)
			outputs := map[*block]string{}
			for i, b := range d.blocks {
				if b.info != tested {
					continue
				}
				output, err := s.run(t, d.text(b))
				if err != nil {
					t.Fatalf("%s: %v\n%s\n%s", d.place(b), err, d.text(b), output)
				}
				s.settle(t)
				expected := d.outputOf(i)
				if expected == nil || matches(d.text(expected), output) {
					continue
				}
				if *update && !strings.Contains(d.text(expected), ellipsis) {
					outputs[expected] = output
					continue
				}
				t.Errorf("%s: the output is another (-documented +printed), and lines may be left out by a line with …:\n%s\n%s",
					d.place(b), d.text(b), cmp.Diff(d.text(expected), output))
			}
			if len(outputs) > 0 {
				if err := os.WriteFile(filepath.Join(repository(t), d.name), d.withOutputs(outputs), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// No block in the documentation is left out by mistake: each is run, is the output
// of one that is, or is in the list of those that cannot be.
func TestDocumentationIsTested(t *testing.T) {
	seen := make([]bool, len(untestedBlocks))
	for _, d := range documentation(t) {
		for i, b := range d.blocks {
			switch {
			case b.info == tested:
			case b.info == untested:
				firstLine, _, _ := strings.Cut(d.text(b), "\n")
				listed := false
				for j, u := range untestedBlocks {
					if u.document == d.name && u.firstLine == firstLine {
						listed, seen[j] = true, true
					}
				}
				if !listed {
					t.Errorf("%s: untested, and not in untestedBlocks", d.place(b))
				}
			case b.info == recorded:
				if i == 0 || d.blocks[i-1].info != untested {
					t.Errorf("%s: a recorded output without an untested command before it", d.place(b))
				}
			case b.isOutput():
				if i == 0 || d.outputOf(i-1) != b || d.blocks[i-1].info != tested {
					t.Errorf("%s: an output without a command directly before it", d.place(b))
				}
			case b.info == promQL, b.info == manifest:
			case d.name != "README.md":
				t.Errorf("%s: a block of %q: nothing tests it", d.place(b), b.info)
			}
		}
	}
	tests := testNames(t)
	for i, u := range untestedBlocks {
		if !seen[i] {
			t.Errorf("%s has no block %q that is untested", u.document, u.firstLine)
		}
		if !slices.Contains(tests, u.test) {
			t.Errorf("%s: %q: there is no test %s", u.document, u.firstLine, u.test)
		}
	}
}

// What queries ask for, the webhook exports.
func TestQueriesInTheDocumentation(t *testing.T) {
	w, err := webhook.Start(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	// A pod, so that every metric has a series.
	review, err := reviews.Of(webhook.BarePod())
	if err != nil {
		t.Fatal(err)
	}
	if code, answer, err := w.Post(t.Context(), "/enforce/hardened", review); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s %v", code, answer, err)
	}
	metrics, err := w.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exported := func(name string) bool {
		for series := range metrics {
			if metric, _, _ := strings.Cut(series, "{"); metric == name {
				return true
			}
		}
		return false
	}
	for _, d := range documentation(t) {
		for _, b := range d.blocks {
			if b.info != promQL {
				continue
			}
			names := regexp.MustCompile(`caseharden_[a-z_]+`).FindAllString(d.text(b), -1)
			if len(names) == 0 {
				t.Errorf("%s: a query of nothing", d.place(b))
			}
			for _, name := range names {
				if !exported(name) {
					t.Errorf("%s: there is no metric %s", d.place(b), name)
				}
			}
		}
	}
}

// A manifest is YAML in which nothing is said twice, and what Kubernetes itself knows has
// no field that it does not know.
func TestManifestsInTheDocumentation(t *testing.T) {
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, d := range documentation(t) {
		for _, b := range d.blocks {
			if b.info != manifest {
				continue
			}
			for text := range strings.SplitSeq(d.text(b), "\n---\n") {
				var object map[string]any
				if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
					t.Errorf("%s: %v", d.place(b), err)
					continue
				}
				if object["kind"] == nil {
					continue // a part of one, or a file of another program
				}
				if _, _, err := decoder.Decode([]byte(text), nil, nil); err != nil && !apiruntime.IsNotRegisteredError(err) {
					t.Errorf("%s: %v", d.place(b), err)
				}
			}
		}
	}
}

// Every link within the repository leads somewhere, and to a heading that exists.
func TestLinksInTheDocumentation(t *testing.T) {
	root := repository(t)
	for _, d := range documentation(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(strings.Join(d.lines, "\n"), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			path, heading, _ := strings.Cut(link[1], "#")
			file := filepath.Join(root, d.name)
			if path != "" {
				file = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: link to %s: %v", d.name, link[1], err)
				continue
			}
			if heading != "" && !slices.Contains(headings(t, file), heading) {
				t.Errorf("%s: link to %s: there is no such heading", d.name, link[1])
			}
		}
	}
}

// headings returns the anchors of a document, as GitHub makes them.
func headings(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(data), -1) {
		anchor := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
	}
	return anchors
}

func TestMatchesOutput(t *testing.T) {
	const got = "a\nb\nc\nd\n"
	for want, matched := range map[string]bool{
		"a\nb\nc\nd\n":       true,
		"a\n…\nd\n":          true,
		"…\nd\n":             true,
		"a\n…\n":             true,
		"…\n":                true,
		"a\n…\nb\nc\nd\n":    true,
		"…\nb\n…\nd\n":       true,
		"a\nb\nc\n":          false,
		"b\nc\nd\n":          false,
		"a\n…\nc\n":          false,
		"…\nc\n…\nb\n…\n":    false,
		"a…\nb\nc\nd\n":      false,
		"":                   false,
		"a\nb\n…\nb\nc\nd\n": false,
	} {
		if matches(want, got) != matched {
			t.Errorf("matches(%q) = %v", want, !matched)
		}
	}
}

// documentation returns the documents with commands: those in docs, and the README.
func documentation(t *testing.T) []*document {
	t.Helper()
	root := repository(t)
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	var all []*document
	for _, name := range []string{"README.md", "SECURITY.md", "GOVERNANCE.md", "MAINTAINERS.md", "CODE_OF_CONDUCT.md"} {
		files = append(files, filepath.Join(root, name))
	}
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := readDocument(file, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// repository returns the root of the checkout.
func repository(t *testing.T) string {
	t.Helper()
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// testNames returns the names of all tests of both modules.
func testNames(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(repository(t), func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		data, err := os.ReadFile(file)
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(data), -1) {
			names = append(names, found[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
