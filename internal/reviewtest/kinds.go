// SPDX-License-Identifier: Apache-2.0

package reviewtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typicalReview is what an API server sent for a pod of a Deployment with one
// container, managed fields included.
const typicalReview = "e2e/bench/reviews/typical.json"

// A Kind is a kind of review that benchmarks measure.
type Kind struct {
	Name string
	Body []byte
}

// Kinds returns the reviews that are measured: a typical pod, with its container several
// times over, with many environment variables, with nothing left to fill in, and with a
// large annotation. Each byte of that is looked at twice, as it is a string that is kept.
func Kinds(b *testing.B) []Kind {
	b.Helper()
	typical, err := os.ReadFile(filepath.Join(root(b), typicalReview))
	if err != nil {
		b.Fatal(err)
	}
	replaced := func(body []byte, old, new string) []byte {
		changed := bytes.Replace(body, []byte(old), []byte(new), 1)
		if bytes.Equal(changed, body) {
			b.Fatalf("%s has no %s", typicalReview, old)
		}
		return changed
	}
	with := func(old, new string) []byte { return replaced(typical, old, new) }
	between := func(start, end string) string {
		_, rest, _ := strings.Cut(string(typical), start)
		text, _, found := strings.Cut(rest, end)
		if !found {
			b.Fatalf("%s has no %s…%s", typicalReview, start, end)
		}
		return text
	}
	// What stands in a list stands in the managed fields as well, under a name in quotes.
	container, managed := between(`"containers":[`, `],"restartPolicy"`), between(`"f:containers":{`, `},"f:dnsPolicy"`)
	containers := func(n int) []byte {
		var all, allManaged []string
		for i := range n {
			all = append(all, strings.Replace(container, `"name":"api"`, fmt.Sprintf(`"name":"api-%d"`, i), 1))
			allManaged = append(allManaged, strings.Replace(managed, `\"api\"`, fmt.Sprintf(`\"api-%d\"`, i), 1))
		}
		return replaced(with(container, strings.Join(all, ",")), managed, strings.Join(allManaged, ","))
	}
	variables := func(size int) []byte {
		const (
			variable = `{"name":"SETTING","value":"https://settings.shop.svc.cluster.local/checkout/v2?region=eu-central-1&tier=gold"},`
			managed  = `"k:{\"name\":\"SETTING\"}":{".":{},"f:name":{},"f:value":{}},`
		)
		n := size / len(variable+managed)
		body := with(`"env":[`, `"env":[`+strings.Repeat(variable, n))
		return replaced(body, `"f:env":{`, `"f:env":{`+strings.Repeat(managed, n))
	}
	annotation := func(size int) []byte {
		const quoted = `{\"a\":\"b\"},`
		return with(`"annotations":{"checksum/config"`, `"annotations":{"blob":"`+strings.Repeat(quoted, size/len(quoted))+`","checksum/config"`)
	}
	hardened := with(`"imagePullPolicy":"IfNotPresent"`, `"imagePullPolicy":"IfNotPresent","securityContext":`+
		`{"capabilities":{"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,`+
		`"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`)
	return []Kind{
		{"typical", typical},
		{"hardened", hardened},
		{"100kB", variables(100_000)},
		{"1MiB", variables(1 << 20)},
		{"annotation", annotation(100_000)},
		{"3containers", containers(3)},
		{"30containers", containers(30)},
		{"300containers", containers(300)},
	}
}

// root returns the directory of the module.
func root(b *testing.B) string {
	b.Helper()
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	b.Fatalf("there is no go.mod above the working directory (%v)", err)
	return ""
}
