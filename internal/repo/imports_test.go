// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/caseharden/caseharden"

// The import rules of the design, with what they are for. A path stands for the
// package and all below it. "Deps" are all that a package is built from;
// "Imports" what its own files name.
var importRules = []struct {
	pkg     string
	forbid  []string
	direct  bool     // look at Imports rather than Deps
	only    []string // if set, the only imports from outside the standard library
	because string
}{
	{
		pkg:     module + "/defaults",
		forbid:  []string{"gomodules.xyz/jsonpatch", "k8s.io/client-go", "github.com/distribution/reference", module + "/mutate", module + "/certs"},
		because: "a decision is the same wherever it is made: in the webhook, in a preview, in a test",
	},
	{
		pkg:    module + "/defaults",
		direct: true,
		forbid: []string{"net/http", "time", "math/rand", "crypto/rand", "os", "log", "log/slog", "net", "context"},
		because: "a decision depends on the pod and the profile alone: not on the clock, on chance or on the machine " +
			"(net/http itself is far below: the types of the Kubernetes API are built from it)",
	},
	{
		pkg:    module + "/defaults",
		direct: true,
		only: []string{"k8s.io/api", "k8s.io/apimachinery",
			module + "/internal/wire", "github.com/go-json-experiment/json"}, // read a pod as it was received
		because: "a reader of the decision needs to know the Kubernetes API and nothing else: neither YAML nor the names of images",
	},
	{
		pkg:     module + "/defaults/profile",
		forbid:  []string{"gomodules.xyz/jsonpatch", "k8s.io/client-go", module + "/mutate", module + "/certs"},
		because: "profile files have nothing to do with patches and clusters",
	},
	{
		pkg:     module + "/defaults/profile",
		direct:  true,
		forbid:  []string{"net/http", "time", "math/rand", "crypto/rand", "os", "log", "log/slog", "net", "context"},
		because: "the same files make the same profiles and the same errors: the caller reads the files",
	},
	{
		pkg:     module + "/mutate",
		forbid:  []string{module + "/defaults/profile", module + "/certs", module + "/internal/server", "k8s.io/client-go", "github.com/prometheus/client_golang", "github.com/spf13/cobra"},
		because: "a request comes in and a response goes out: how its bytes came, and who counts and logs them, is for others",
	},
	{
		pkg:     module + "/mutate",
		direct:  true,
		forbid:  []string{"net/http", "log", "log/slog", "time", "os", "context"},
		because: "the same request has the same response, with the decisions as values",
	},
	{
		pkg:     module + "/internal/server",
		forbid:  []string{module + "/internal/cli", module + "/preview", module + "/defaults/profile", "github.com/spf13/cobra"},
		because: "what serves knows no flags and reads no files of users",
	},
	{
		pkg:     module + "/preview",
		forbid:  []string{module + "/certs", module + "/internal/server", "k8s.io/client-go", "github.com/spf13/cobra", "github.com/prometheus/client_golang"},
		because: "a preview asks no cluster, and decides by the packages that the webhook decides by",
	},
	{
		pkg:     module + "/preview",
		direct:  true,
		forbid:  []string{"net/http", "time", "os/exec"},
		because: "the same manifests make the same report, always and everywhere",
	},
	{
		pkg:     module + "/preview",
		forbid:  []string{module + "/preview/render", "html/template"},
		because: "a report is finished before anything is written, so that all outputs agree",
	},
	{
		pkg:     module + "/preview/manifest",
		forbid:  []string{module + "/preview/hazard", module + "/preview/yamledit", module + "/defaults/profile", "k8s.io/pod-security-admission"},
		because: "what a file holds does not depend on what is said of it",
	},
	{
		pkg:    module + "/preview/hazard",
		forbid: []string{module + "/defaults", module + "/mutate", module + "/preview/manifest", module + "/preview/yamledit"},
		only: []string{"k8s.io/api", "k8s.io/apimachinery",
			module + "/evidence",        // what a rule finds
			module + "/internal/shell"}, // scripts of containers
		direct:  true,
		because: "a rule compares two pods, wherever they come from",
	},
	{
		pkg:     module + "/preview/render",
		forbid:  []string{"k8s.io/api", module + "/mutate", module + "/internal/inorder"},
		direct:  true,
		because: "an output shows what the report says, and finds nothing out",
	},
	{
		pkg:     module + "/preview/render/html",
		forbid:  []string{"k8s.io/api", module + "/mutate", module + "/preview/manifest", module + "/preview/render"},
		direct:  true,
		because: "the page is made from a report alone, so that it could be lifted out",
	},
	{
		pkg:     module + "/preview/answer",
		forbid:  []string{"k8s.io/api", module + "/mutate", module + "/preview", module + "/preview/manifest", module + "/preview/hazard"},
		direct:  true,
		because: "a profile answers findings, wherever they come from",
	},
	{
		pkg:     module + "/preview/yamledit",
		forbid:  []string{"k8s.io/api", module + "/defaults", module + "/mutate"},
		because: "adding to a text needs to know nothing of what is added",
	},
	{
		pkg:     module + "/evidence",
		forbid:  []string{module + "/evidence/image", "oras.land", "net/http", "k8s.io/client-go"},
		because: "findings rest on facts, wherever those come from",
	},
	{
		pkg:     module + "/evidence",
		direct:  true,
		forbid:  []string{"os", "time", "net", "context", "log", "k8s.io/api"},
		because: "the same facts make the same findings, and they know no manifests",
	},
	{
		pkg:     module + "/evidence/image",
		forbid:  []string{module + "/preview", module + "/mutate", module + "/certs", "k8s.io/client-go", "github.com/spf13/cobra"},
		because: "what an image holds has nothing to do with a cluster",
	},
	{
		pkg:     module + "/evidence/image/tree",
		forbid:  []string{"net/http", "oras.land", module + "/evidence/image/source"},
		because: "the same layers make the same files, wherever they come from",
	},
	{
		pkg:     module + "/preview",
		forbid:  []string{module + "/evidence/image", "oras.land"},
		because: "a preview opens no connection: who wants images read passes a function",
	},
	{
		pkg:     module + "/internal/server",
		forbid:  []string{module + "/evidence", "oras.land"},
		because: "the webhook reads no images",
	},
	{
		pkg:     module + "/evidence/known",
		forbid:  []string{"net/http", "os", "time", "k8s.io/api", "k8s.io/apimachinery", module + "/defaults", module + "/preview"},
		direct:  true,
		because: "facts about images are data: the same image has the same facts, and nothing is asked for them",
	},
	{
		pkg:     module + "/trial",
		forbid:  []string{module + "/certs", module + "/internal/server", module + "/internal/kube", module + "/preview", "k8s.io/client-go", "github.com/spf13/cobra", "github.com/prometheus/client_golang"},
		because: "a trial runs on what stands for a cluster, in a test as well: package trial/live is the real one",
	},
	{
		pkg:     module + "/trial/plan",
		forbid:  []string{module + "/trial/watch", module + "/trial/narrow", "net/http", "context", "os", "os/exec"},
		direct:  true,
		because: "the same workload in the same surroundings makes the same copies, by the decisions of the webhook",
	},
	{
		pkg:     module + "/trial/watch",
		only:    []string{"k8s.io/api", "k8s.io/apimachinery"},
		forbid:  []string{"net/http", "os", "context"},
		direct:  true,
		because: "what a state means depends on what was seen, and on the time that is given",
	},
	{
		pkg:     module + "/trial/narrow",
		forbid:  []string{"time", "context", "os", "math/rand", "math/rand/v2"},
		only:    []string{}, // nothing
		direct:  true,
		because: "a search knows candidates and outcomes alone, so that it can be tested with any oracle",
	},
	{
		pkg:     module + "/status",
		forbid:  []string{module + "/certs", module + "/internal/server", module + "/internal/kube", module + "/preview/render", "k8s.io/client-go", "github.com/spf13/cobra", "github.com/prometheus/client_golang"},
		because: "the same snapshot makes the same report: package status/live reads the cluster",
	},
	{
		pkg:     module + "/status",
		direct:  true,
		forbid:  []string{"net/http", "context", "os", "os/exec", module + "/status/render"},
		because: "a report depends on the snapshot and on the time that is given",
	},
	{
		pkg:     module + "/status/render",
		forbid:  []string{"k8s.io/api", "k8s.io/apimachinery", module + "/mutate", module + "/status/live"},
		direct:  true,
		because: "an output shows what the report says, and finds nothing out",
	},
	{
		pkg:     module + "/internal/term",
		only:    []string{}, // nothing
		direct:  true,
		because: "how text is laid out does not depend on what it says",
	},
	{
		pkg:     module + "/internal/kube",
		forbid:  []string{"k8s.io/client-go/kubernetes", "k8s.io/cli-runtime", "k8s.io/kubectl", module + "/certs", module + "/preview", module + "/trial"},
		because: "it reaches a cluster by the dynamic client: typed clients and the helpers of kubectl cost 15 to 23 MiB",
	},
	{
		pkg:     module + "/policy",
		forbid:  []string{module + "/defaults/profile", module + "/certs", module + "/internal/cli", module + "/internal/kube", module + "/internal/server", "k8s.io/client-go", "github.com/spf13/cobra"},
		direct:  true,
		because: "a profile comes in and YAML goes out: nothing is asked, and no CEL is run",
	},
	{
		pkg:     module + "/certs",
		forbid:  []string{module + "/mutate", module + "/defaults"},
		because: "certificates have nothing to do with pods",
	},
	{
		pkg:     module + "/internal/dryrun",
		forbid:  []string{module + "/defaults", module + "/mutate", module + "/certs"},
		because: "it sees what a cluster does with a pod, as any client would",
	},
	{
		pkg:     module,
		forbid:  []string{"k8s.io/kubernetes", "sigs.k8s.io/controller-runtime", "k8s.io/apiserver", "k8s.io/kubectl", "go.etcd.io/etcd"},
		because: "the API server's own code is for the tests in e2e; a framework would decode, marshal and diff each pod, at several times the cost",
	},
	{
		pkg:     module,
		forbid:  []string{"testing", "github.com/rogpeppe/go-internal", "github.com/google/go-cmp", "github.com/stretchr/testify", "github.com/onsi", "golang.org/x/net/html"},
		because: "what tests need is no part of the command",
	},
}

func TestImports(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	for _, rule := range importRules {
		p, found := packages[rule.pkg]
		if !found {
			t.Errorf("there is no package %s: the rule that names it needs a new one (%s)", rule.pkg, rule.because)
			continue
		}
		imports := p.Deps
		if rule.direct {
			imports = p.Imports
		}
		for _, path := range imports {
			within := func(root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
			if slices.ContainsFunc(rule.forbid, within) {
				t.Errorf("%s is built from %s, and must not be: %s", rule.pkg, path, rule.because)
			}
			if dep := packages[path]; rule.only != nil && !dep.Standard && !slices.ContainsFunc(rule.only, within) {
				t.Errorf("%s imports %s, and may import only %q: %s", rule.pkg, path, rule.only, rule.because)
			}
		}
	}
	// Also of packages that the table does not name yet.
	for path, p := range packages {
		if !strings.HasPrefix(path, module) {
			continue
		}
		for _, imported := range p.Imports {
			if imported == "unsafe" || imported == "C" {
				t.Errorf("%s imports %q, and must not: readers of the code rely on Go's rules", path, imported)
			}
			if strings.HasPrefix(imported, module+"/preview/render") && !strings.HasPrefix(path, module+"/preview/render") && path != module+"/internal/cli" && path != module+"/internal/krm" && path != module+"/status/render" {
				t.Errorf("%s imports %s, and must not: only commands write reports, and the page of a status looks like that of a preview", path, imported)
			}
			if path == module+"/certs" || path == module+"/internal/dryrun" || path == module+"/internal/kube" {
				continue
			}
			if imported == "k8s.io/client-go" || strings.HasPrefix(imported, "k8s.io/client-go/") {
				t.Errorf("%s imports %s, and must not: the Kubernetes API is for certs, internal/dryrun and internal/kube alone", path, imported)
			}
		}
	}
}

type listedPackage struct {
	ImportPath    string
	Standard      bool
	Imports, Deps []string
}

// listPackages returns the packages of this module and all they are built from.
func listPackages(t *testing.T) map[string]listedPackage {
	t.Helper()
	output, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	packages := map[string]listedPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}
