// SPDX-License-Identifier: Apache-2.0

// Command chartreadme prints deploy/chart/README.md: the values of the chart, with their
// defaults and with their comments.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

const header = `<!-- Made from values.yaml by make update: do not edit. -->
# Caseharden

Caseharden fills in hardened settings of the ` + "`securityContext`" + ` that the authors of Pods left unset, in namespaces that opt in
by a label. It never changes a value that is set.

` + "```sh" + `
helm install caseharden oci://ghcr.io/caseharden/charts/caseharden --namespace caseharden --create-namespace
kubectl label namespace shop caseharden.io/enforce=restricted
helm test caseharden --namespace caseharden
` + "```" + `

Nothing is published yet: until then, install from a checkout, with an image of your own. The
[guide](https://github.com/caseharden/caseharden/blob/main/docs/guide.md) shows what to do before the label: preview what a
profile would break. [Install](https://github.com/caseharden/caseharden/blob/main/docs/install.md) has the requirements,
[operations](https://github.com/caseharden/caseharden/blob/main/docs/operations.md) upgrades, sizing and failures.

## Values

| value | default | meaning |
|---|---|---|
`

func main() {
	if err := print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chartreadme:", err)
		os.Exit(1)
	}
}

func print(w io.Writer) error {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(root, "deploy", "chart", "values.yaml"))
	if err != nil {
		return err
	}
	rows, err := table(data)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, header+rows)
	return err
}

// table returns the rows of all values, in their order. A value without a comment of its own is
// an error, unless it is part of one that has.
func table(data []byte) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return "", err
	}
	var b strings.Builder
	err := rows(&b, "", document.Content[0])
	return b.String(), err
}

func rows(b *strings.Builder, prefix string, object *yaml.Node) error {
	var errs []error
	for i := 0; i+1 < len(object.Content); i += 2 {
		key, value := object.Content[i], object.Content[i+1]
		name := prefix + key.Value
		comment := text(key.HeadComment)
		if comment == "" {
			errs = append(errs, fmt.Errorf("values.yaml:%d: %s: must have a comment", key.Line, name))
		}
		if value.Kind == yaml.MappingNode && commented(value) {
			fmt.Fprintf(b, "| `%s` | | %s |\n", name, comment)
			errs = append(errs, rows(b, name+".", value))
			continue
		}
		shown, err := flow(value)
		errs = append(errs, err)
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", name, shown, comment)
	}
	return errors.Join(errs...)
}

// commented reports whether a member of the object has a comment: then each has a row.
func commented(object *yaml.Node) bool {
	for i := 0; i+1 < len(object.Content); i += 2 {
		if object.Content[i].HeadComment != "" {
			return true
		}
	}
	return false
}

// text returns a comment as the text of a cell. What stands apart, before an empty line, is
// about the file.
func text(comment string) string {
	paragraphs := strings.Split(comment, "\n\n")
	var words []string
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		words = append(words, strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "#"))...)
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "{{", "&#123;&#123;").Replace(strings.Join(words, " "))
}

// flow returns a value on one line, as YAML has it.
func flow(value *yaml.Node) (string, error) {
	setFlow(value)
	out, err := yaml.Marshal(value)
	return strings.ReplaceAll(strings.Join(strings.Fields(string(out)), " "), "|", `\|`), err
}

func setFlow(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		setFlow(c)
	}
}
