// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/internal/text"
)

// write makes the text of the profile. An exception that no profile can have is left open.
func (a *Answer) write(base *defaults.Profile) error {
	if _, err := a.parse(base, a.render(base, a.Exceptions)); err != nil {
		a.Exceptions = slices.DeleteFunc(a.Exceptions, func(e Exception) bool {
			_, err := a.parse(base, a.render(base, []Exception{e}))
			if err != nil {
				a.open("exception for "+e.Repository, oneLine(err.Error(), profile.MaxLine)).addAll(e.workloads)
			}
			return err != nil
		})
	}
	a.Text = a.render(base, a.Exceptions)
	var err error
	a.Profile, err = a.parse(base, a.Text)
	return err
}

// parse reads the text of the profile as profiles validate does.
func (a *Answer) parse(base *defaults.Profile, written []byte) (*defaults.Profile, error) {
	files := []profile.File{{Name: a.Name + ".yaml", Data: written}}
	if base.File != "" {
		data, err := profile.YAML(base)
		if err != nil {
			return nil, err
		}
		files = append(files, profile.File{Name: base.File, Data: data})
	}
	profiles, err := profile.Parse(files)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == a.Name })
	if i < 0 {
		return nil, errors.New("it is not among the profiles that were read")
	}
	return profiles[i], nil
}

// render returns the profile as a file.
func (a *Answer) render(base *defaults.Profile, exceptions []Exception) []byte {
	spec := mapping("base", str(base.Name))
	if len(exceptions) > 0 {
		items := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range exceptions {
			items.Content = append(items.Content, exceptions[i].node())
		}
		put(spec, "exceptions", items)
	}
	document := mapping(
		"apiVersion", str("caseharden.io/v1alpha1"),
		"kind", str("Profile"),
		"metadata", mapping("name", str(a.Name)),
		"spec", spec,
	)
	var b bytes.Buffer
	for _, line := range a.head(base, exceptions) {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		panic(fmt.Sprintf("internal error: writing a profile: %s", err))
	}
	return b.Bytes()
}

// head returns the lines of the comment above the profile.
func (a *Answer) head(base *defaults.Profile, exceptions []Exception) []string {
	lines := []string{"The exceptions that a preview of profile " + base.Name + " calls for, smallest first. Review each before you enforce it."}
	if len(exceptions) == 0 {
		lines = []string{"A preview of profile " + base.Name + " calls for no exceptions."}
	}
	if open := a.Open(); len(open) > 0 {
		lines = append(lines, "", "Left to you, as these risks may be wrong or no profile can answer them:")
		for _, line := range open {
			lines = append(lines, "- "+line)
		}
	}
	return lines
}

// Open describes the findings that no exception answers, one line for each cause.
func (a *Answer) Open() []string {
	var lines []string
	for i := range a.Unanswered {
		u := &a.Unanswered[i]
		lines = append(lines, text.Visible(fmt.Sprintf("%s: %s: %s", u.ID, &u.who, u.Why)))
	}
	return lines
}

func (e *Exception) node() *yaml.Node {
	match := mapping("images", flow(e.Repository))
	if len(e.Containers) > 0 {
		var globs []string
		for _, name := range e.Containers {
			globs = append(globs, escapeGlob(name))
		}
		put(match, "containers", flow(globs...))
	}
	item := mapping("match", match)
	if len(e.Values) > 0 {
		put(item, "container", valuesNode(e.Values))
	}
	if len(e.Leave) > 0 {
		put(item, "leave", flow(namesOf(e.Leave)...))
	}
	if len(e.WritablePaths) > 0 {
		paths := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, path := range e.WritablePaths {
			paths.Content = append(paths.Content, mapping("path", str(path)))
		}
		put(item, "writablePaths", paths)
	}
	put(item, "reason", str(e.Reason))
	item.HeadComment = strings.Join(e.comment(), "\n")
	return item
}

// comment says where the exception comes from.
func (e *Exception) comment() []string {
	lines := []string{"# image: " + e.images.String(), "# evidence: " + e.sources.String(), "# for: " + e.workloads.String()}
	if len(e.capabilities.first) > 0 {
		lines = append(lines, "# smaller, if the author of the Pod adds the capabilities: "+e.capabilities.String())
	}
	for i := range lines {
		lines[i] = oneLine(lines[i], 4*profile.MaxLine)
	}
	return lines
}

// valuesNode returns a SecurityContext.
func valuesNode(values []Value) *yaml.Node {
	context := mapping()
	for _, v := range values {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(v.JSON), &node); err != nil || len(node.Content) != 1 {
			panic(fmt.Sprintf("internal error: %s is no value: %v", v.JSON, err))
		}
		outer, inner, nested := strings.Cut(v.Field.Name, ".")
		if nested {
			put(context, outer, mapping(inner, node.Content[0]))
			continue
		}
		put(context, outer, node.Content[0])
	}
	return context
}

// mapping returns an object of names and nodes by turns.
func mapping(members ...any) *yaml.Node {
	object := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(members); i += 2 {
		put(object, members[i].(string), members[i+1].(*yaml.Node))
	}
	return object
}

func put(object *yaml.Node, name string, value *yaml.Node) {
	object.Content = append(object.Content, str(name), value)
}

func str(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// flow returns a list of strings on one line.
func flow(values ...string) *yaml.Node {
	sequence := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, value := range values {
		sequence.Content = append(sequence.Content, str(value))
	}
	return sequence
}

// escapeGlob returns the glob that matches exactly the name.
func escapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// oneLine returns a text of others as one line of at most n bytes.
func oneLine(s string, n int) string {
	return text.Shorten(text.Visible(strings.Join(strings.Fields(s), " ")), n)
}
