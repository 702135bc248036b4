// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

const (
	everything = "testdata/everything.yaml"
	oneCA      = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
)

// values reads a file with values.
func values(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLint(t *testing.T) {
	for _, args := range [][]string{nil, {"--values=" + everything}} {
		stdout, stderr, err := helm(t, append([]string{"lint", "--strict", chartDir()}, args...)...)
		if err != nil {
			t.Errorf("helm lint %s: %v\n%s%s", args, err, stdout, stderr)
		}
	}
}

// A schema is the part of JSON Schema that values.schema.json uses.
type schema struct {
	Type                 string
	Ref                  string `json:"$ref"`
	Enum                 []any
	Properties           map[string]*schema
	AdditionalProperties any
	Defs                 map[string]*schema `json:"$defs"`
}

// A value is one that the schema knows, with its path as in image.tag.
type value struct {
	path   string
	schema *schema
}

// knownValues returns those of values.schema.json that hold no others.
func knownValues(t *testing.T) (leaves []value, objects []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(chartDir(), "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var root schema
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		if name, found := strings.CutPrefix(s.Ref, "#/$defs/"); found {
			s = root.Defs[name]
		}
		if len(s.Properties) == 0 {
			leaves = append(leaves, value{path, s})
			return
		}
		if path != "global" { // it is of all charts
			if s.AdditionalProperties != false {
				t.Errorf("%s: lets through what is misspelt", path)
			}
			objects = append(objects, path)
		}
		for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
			walk(strings.TrimPrefix(path+"."+key, "."), s.Properties[key])
		}
	}
	walk("", &root)
	return leaves, objects
}

// lookUp returns the value at a path.
func lookUp(v map[string]any, path string) (any, bool) {
	var at any = v
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[key]; !ok {
			return nil, false
		}
	}
	return at, true
}

// set returns the values in which only that at the path is set.
func set(path string, v any) map[string]any {
	keys := strings.Split(path, ".")
	for _, key := range slices.Backward(keys) {
		v = map[string]any{key: v}
	}
	return v.(map[string]any)
}

// What there is in values.yaml, the schema knows; and the other way round.
func TestSchemaAndValuesAgree(t *testing.T) {
	defaults := values(t, filepath.Join(chartDir(), "values.yaml"))
	leaves, _ := knownValues(t)
	known := map[string]bool{}
	for _, leaf := range leaves {
		known[leaf.path] = true
		if _, found := lookUp(defaults, leaf.path); !found && !strings.HasPrefix(leaf.path, "certificates.certManager.issuerRef.") {
			t.Errorf("%s is in the schema, and not in values.yaml", leaf.path)
		}
	}
	for _, path := range paths(defaults, "", known) {
		if !known[path] && path != "certificates.certManager.issuerRef" {
			t.Errorf("%s is in values.yaml, and not in the schema", path)
		}
	}
}

// paths returns the paths of all values, down to those that are known.
func paths(v map[string]any, prefix string, known map[string]bool) []string {
	var all []string
	for key, value := range v {
		path := strings.TrimPrefix(prefix+"."+key, ".")
		if below, ok := value.(map[string]any); ok && !known[path] && len(below) > 0 {
			all = append(all, paths(below, path, known)...)
		} else {
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return all
}

// Each value has a comment of its own, directly above it.
func TestValuesAreExplained(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(chartDir(), "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	leaves, objects := knownValues(t)
	paths := slices.DeleteFunc(objects, func(path string) bool { return path == "" })
	for _, leaf := range leaves {
		paths = append(paths, leaf.path)
	}
	for _, path := range paths {
		i := lineOf(lines, path)
		switch {
		case i < 0 && strings.HasPrefix(path, "certificates.certManager.issuerRef."):
			// It has no default.
		case i < 1:
			t.Errorf("values.yaml has no %s", path)
		case !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "# "):
			t.Errorf("values.yaml:%d: %s has no comment", i+1, path)
		}
	}
}

// lineOf returns the line on which a value stands, or -1.
func lineOf(lines []string, path string) int {
	at, indent := 0, ""
	for key := range strings.SplitSeq(path, ".") {
		for at < len(lines) && !strings.HasPrefix(lines[at], indent+key+":") {
			at++
		}
		indent += "  "
	}
	if at == len(lines) {
		return -1
	}
	return at
}

// Each template says why it is there, or why it is as it is.
func TestTemplatesAreExplained(t *testing.T) {
	templates, err := filepath.Glob(filepath.Join(chartDir(), "templates", "*.yaml"))
	if err != nil || len(templates) < 10 {
		t.Fatalf("only %d templates: %v", len(templates), err)
	}
	comment := regexp.MustCompile(`(?m)^\s*# [A-Z]|^{{- /\* `)
	for _, file := range templates {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !comment.Match(text) {
			t.Errorf("%s has no comment", filepath.Base(file))
		}
	}
}

// Each misspelt value is refused, and the message names it.
func TestSchemaRefusesMisspelt(t *testing.T) {
	_, objects := knownValues(t)
	for _, object := range objects {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			path := strings.TrimPrefix(object+".misspelt", ".")
			refused(t, set(path, "x"), "misspelt")
		})
	}
}

// Each value of another type is refused, and the message names where it stands.
func TestSchemaRefusesMistyped(t *testing.T) {
	leaves, _ := knownValues(t)
	for _, leaf := range leaves {
		t.Run(leaf.path, func(t *testing.T) {
			t.Parallel()
			var wrong any = []any{true} // an array of what no array of ours holds, and otherwise no array
			refused(t, set(leaf.path, wrong), "/"+strings.ReplaceAll(leaf.path, ".", "/"))
		})
	}
}

// refused checks that Helm refuses values with a message that has a text.
func refused(t *testing.T, v map[string]any, message string) {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	_, stderr, err := helm(t, "template", "caseharden", chartDir(), "--values="+write(t, data))
	if err == nil {
		t.Errorf("is accepted:\n%s", data)
	} else if !strings.Contains(stderr, message) {
		t.Errorf("is refused without %q:\n%s", message, stderr)
	}
}

// A value that is taken away is refused by its name, or does without: no template fails on
// it, and what is rendered is whole.
func TestNullValues(t *testing.T) {
	leaves, objects := knownValues(t)
	paths := slices.DeleteFunc(objects, func(path string) bool { return path == "" })
	for _, leaf := range leaves {
		paths = append(paths, leaf.path)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			rendered, stderr, err := helm(t, "template", "caseharden", chartDir(), "--set="+path+"=null")
			if err != nil {
				if !strings.Contains(stderr, path[strings.LastIndex(path, ".")+1:]) || strings.Contains(stderr, "executing") {
					t.Errorf("the message is of a template that fails, or does not name it:\n%s", stderr)
				}
				return
			}
			if _, err := manifests.Decode([]byte(rendered)); err != nil || strings.Contains(rendered, "<nil>") {
				t.Errorf("%v:\n%s", err, rendered)
			}
		})
	}
}

// What no schema can tell is refused with a sentence that says what to do.
func TestTemplatesRefuse(t *testing.T) {
	two := exampleTwo(t)
	ca, caKey := issue(t, "caseharden.caseharden.svc")
	certificate, key := write(t, ca), write(t, append(ca, caKey...))
	for name, c := range map[string]struct {
		args    []string
		message string
	}{
		"a profile without a file":       {[]string{"--set=profiles.mine.file="}, "profiles.mine: is not built in (compatible, hardened and restricted are) and so needs a file, as with --set-file profiles.mine.file=mine.yaml"},
		"a built-in profile with a file": {[]string{"--set-file=profiles.hardened.file=" + exampleProfile("mesh")}, "profiles.hardened: is built in and takes no file: give yours a name of its own"},
		"a file of another profile":      {[]string{"--set-file=profiles.mine.file=" + exampleProfile("mesh")}, `profiles.mine.file: metadata.name is "mesh", and has to be the key, "mine"`},
		"two profiles in one file":       {[]string{"--set-file=profiles.mine.file=" + two}, "profiles.mine.file: holds more than one profile: give each an entry of its own"},
		"a file that is no YAML":         {[]string{"--set=profiles.mine.file=a: b: c"}, "profiles.mine.file: error converting YAML"},
		"no policies":                    {[]string{"--set=engine=policy", "--set-file=profiles.mesh.file=" + exampleProfile("mesh")}, "profiles.mesh.policies: is needed for engine policy: caseharden profiles export mesh --profiles DIR > mesh-policies.yaml, then --set-file profiles.mesh.policies=mesh-policies.yaml"},
		"a profile for policies":         {[]string{"--set=engine=policy", "--set-file=profiles.mesh.policies=" + exampleProfile("mesh")}, "profiles.mesh.policies: holds a Profile: give what caseharden profiles export prints"},
		"policies of a built-in profile": {[]string{"--set=engine=policy,profiles.hardened.policies=x"}, "profiles.hardened.policies: is built in"},
		"policies without a profile":     {[]string{"--set=profiles.mine.policies=x"}, "profiles.mine: is not built in (compatible, hardened and restricted are) and so needs a file"},
		"no profile":                     {[]string{"--set=profiles=null"}, "profiles: is empty: then there is nothing to install"},
		"provided without a CA":          {[]string{"--set=certificates.mode=provided,certificates.secretName=tls"}, "certificates.caBundle: is needed for mode provided, as API servers trust a certificate only by it: --set-file certificates.caBundle=ca.crt"},
		"provided without a Secret":      {[]string{"--set=certificates.mode=provided", "--set-file=certificates.caBundle=" + certificate}, "certificates.secretName: is needed for mode provided: the Secret with tls.crt and tls.key"},
		"a CA that would be overwritten": {[]string{"--set-file=certificates.caBundle=" + certificate}, "certificates.caBundle: is for mode provided: in mode self-managed it would be overwritten"},
		"half of a CA":                   {[]string{"--set=certificates.caBundle=-----BEGIN CERTIFICATE-----"}, "certificates.caBundle: is not of whole certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"},
		"a private key for a CA":         {[]string{"--set=certificates.mode=provided,certificates.secretName=tls", "--set-file=certificates.caBundle=" + key}, "certificates.caBundle: holds a private key, which everybody could read there: give the certificates of the CA alone"},
		"the port of the kubelet":        {[]string{"--set=hostNetwork=true,port=10250"}, "port: with hostNetwork 10250 is taken by the kubelet of the node: take another"},
		"a tag in the repository":        {[]string{"--set=image.repository=registry.example.com/caseharden:v1"}, "/image/repository"},
		"no CA at all":                   {[]string{"--set=clientCA=LS0tLS1CRUdJTi"}, "clientCA: is not of whole certificates in PEM"},
		"names without a client CA":      {[]string{"--set=clientAllowedNames={a}"}, "clientAllowedNames: is for client certificates: set clientCA too"},
		"two monitors":                   {[]string{"--set=serviceMonitor.enabled=true,podMonitor.enabled=true"}, "serviceMonitor and podMonitor are both enabled: every pod would be scraped twice, and counted twice: enable one"},
		"no duration":                    {[]string{"--set=certificates.lifetime=90d"}, "/certificates/lifetime"},
		"no digest":                      {[]string{"--set=image.digest=latest"}, "/image/digest"},
		"one port for both":              {[]string{"--set=port=8080"}, "port and metricsPort are both 8080: give each its own"},
		"one port of the Service":        {[]string{"--set=service.port=8080"}, "service.port and metricsPort are both 8080, and the Service has both: change one"},
		"an issuer without a name":       {[]string{"--set=certificates.mode=cert-manager,certificates.certManager.issuerRef.kind=ClusterIssuer"}, "/certificates/certManager/issuerRef"},
		"a name with a dot":              {[]string{"--set=fullnameOverride=team.caseharden"}, "/fullnameOverride"},
		"a name that is too long":        {[]string{"--set=fullnameOverride=" + strings.Repeat("a", 51)}, "/fullnameOverride"},
		"a probe of another kind":        {[]string{"--set=readinessProbe.exec.command={true}"}, "/readinessProbe"},
		"half a selector":                {[]string{"--set=webhook.objectSelector.matchExpression[0].key=a"}, "/webhook/objectSelector"},
		"a selector without an operator": {[]string{"--set=webhook.namespaceSelector.matchExpressions[0].key=a"}, "/webhook/namespaceSelector/matchExpressions/0"},
		"a registry with a scheme":       {[]string{"--set=global.imageRegistry=https://mirror.example.com"}, "/global/imageRegistry"},
		"not enabled, yet rendered":      {[]string{"--set=enabled=false"}, "enabled: is false, but Helm renders the chart: add condition: caseharden.enabled to the dependency"},
		"a timeout that the API refuses": {[]string{"--set=webhook.timeoutSeconds=31"}, "/webhook/timeoutSeconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stderr, err := helm(t, append([]string{"template", "caseharden", chartDir()}, c.args...)...)
			if err == nil || !strings.Contains(stderr, c.message) {
				t.Errorf("%v\n%s\nwant\n%s", err, stderr, c.message)
			}
			if strings.Contains(stderr, "-BEGIN RSA PRIVATE KEY-") {
				t.Error("the message has a private key in it")
			}
		})
	}
}

func exampleTwo(t *testing.T) string {
	t.Helper()
	const profile = "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: %s}\nspec: {base: hardened}\n"
	return write(t, fmt.Appendf(nil, profile+"---\n"+profile, "mine", "other"))
}
