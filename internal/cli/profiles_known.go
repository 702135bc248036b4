// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/term"
)

// knownForms are the forms in which the facts about known images are written.
var knownForms = map[string]func([]*evidence.Known) (string, error){
	"table": func(all []*evidence.Known) (string, error) { return knownTable(all), nil },
	"name":  func(all []*evidence.Known) (string, error) { return knownNames(all), nil },
	"json":  knownJSON,
	"yaml": func(all []*evidence.Known) (string, error) {
		data, err := yaml.Marshal(all)
		return string(data), err
	},
}

// showKnown writes what is known of an image, or of all images if image is empty.
func showKnown(w io.Writer, image, output string) error {
	all := known.All()
	if image != "" {
		facts, ok := known.For(image)
		if !ok {
			var names []string
			for _, facts := range all {
				names = append(names, familiarName(facts))
			}
			name, _, _ := strings.Cut(image, ":")
			if closest := suggest.Closest(name, names); closest != "" {
				return fmt.Errorf("nothing is known of the image %q: did you mean %s?", image, closest)
			}
			return fmt.Errorf("nothing is known of the image %q: it must be a public image under its own name, with a tag where it has a digest; \"caseharden profiles show --known\" lists the known images", image)
		}
		all = []*evidence.Known{facts}
	}
	write, found := knownForms[output]
	if !found {
		return fmt.Errorf("--output %q: must be table, name, json or yaml", output)
	}
	text, err := write(all)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

func knownJSON(all []*evidence.Known) (string, error) {
	data, err := json.MarshalIndent(all, "", "  ")
	return string(data) + "\n", err
}

// knownNames lists the names, one on each line. A variant has its tags in the name.
func knownNames(all []*evidence.Known) string {
	var b strings.Builder
	for _, facts := range all {
		b.WriteString(knownName(facts) + "\n")
	}
	return b.String()
}

// knownName returns the name of an image as people write it, with the tags of a variant.
func knownName(facts *evidence.Known) string {
	if len(facts.Tags) == 0 {
		return familiarName(facts)
	}
	return familiarName(facts) + ":" + strings.Join(facts.Tags, "|")
}

// familiarName returns the name of an image as people write it, without tags.
func familiarName(facts *evidence.Known) string {
	if named, err := reference.ParseNormalizedNamed(facts.Image); err == nil {
		return reference.FamiliarName(named)
	}
	return facts.Image
}

// knownTable lists the facts in lines of at most 80 characters where words are short enough.
func knownTable(all []*evidence.Known) string {
	const lineWidth, nameWidth, uidWidth = 80, 26, 5 // a longer name has a line of its own
	var b strings.Builder
	row := func(name, uid string, lines []string) {
		if len(name) > nameWidth {
			b.WriteString(name + "\n")
			name = ""
		}
		for _, line := range lines {
			b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s   %-*s   %s", nameWidth, name, uidWidth, uid, line), " ") + "\n")
			name, uid = "", ""
		}
	}
	row("IMAGE", "UID", []string{"FACTS"})
	for _, facts := range all {
		uid := "?"
		if facts.UID != nil {
			uid = strconv.FormatInt(*facts.UID, 10)
		}
		row(knownName(facts), uid, term.Wrap(strings.Join(knownFacts(facts), "; "), lineWidth-nameWidth-uidWidth-6))
	}
	return b.String()
}

// knownFacts returns what may break, one text for each fact.
func knownFacts(facts *evidence.Known) []string {
	var all []string
	add := func(when bool, text string) {
		if when {
			all = append(all, text)
		}
	}
	list := func(name string, items []string) { add(len(items) > 0, name+" "+strings.Join(items, ", ")) }
	var ports []string
	for _, port := range facts.LowPorts {
		ports = append(ports, strconv.Itoa(port))
	}
	add(facts.Base, "base image")
	add(facts.StartsAsRoot && !facts.Guarded, "needs root to start")
	add(facts.StartsAsRoot && facts.Guarded, "starts as root or not")
	add(!facts.StartsAsRoot && facts.User == "" && !facts.Base, "runs as root")
	add(facts.User != "", "user "+facts.User)
	add(facts.AnyUser, "takes any UID in group 0")
	list("writes", facts.Writes)
	list("changes", facts.Rewrites)
	list("data", facts.Data)
	add(facts.ReadOnlyRoot, "its own manifests make the root read-only")
	list("file capabilities", facts.FileCapabilities)
	list("low ports", ports)
	return all
}
