// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
)

// An Exception is what a profile says differently of one container.
type Exception struct {
	Container string             `json:"container"`
	Image     string             `json:"image"`
	Differs   evidence.Exception `json:"differs"`
	Reason    string             `json:"reason"`
}

// maxReason is the length that a profile allows.
const maxReason = 200

// document returns a profile with exceptions as a file: what is run is what is written.
// Containers are matched by their images, and also by name where byName says so.
func document(name, base string, exceptions []Exception, byName bool) ([]byte, error) {
	spec := map[string]any{"base": base}
	var list []any
	for _, e := range exceptions {
		match := map[string]any{}
		if repository := repositoryOf(e.Image); repository != "" {
			match["images"] = []string{repository}
		}
		if byName || len(match) == 0 {
			match["containers"] = []string{e.Container}
		}
		one := map[string]any{"match": match, "reason": text.Shorten(strings.Join(strings.Fields(text.Visible(e.Reason)), " "), maxReason)}
		if len(e.Differs.Leave) > 0 {
			one["leave"] = e.Differs.Leave
		}
		if len(e.Differs.Container) > 0 {
			container := map[string]any{}
			for field, value := range e.Differs.Container {
				var decoded any
				if err := json.Unmarshal(value, &decoded); err != nil {
					return nil, fmt.Errorf("%s of container %s: %w", field, e.Container, err)
				}
				container[field] = decoded
			}
			one["container"] = container
		}
		var writable []any
		for _, p := range outermost(e.Differs.WritablePaths) {
			writable = append(writable, map[string]any{"path": p})
		}
		if len(writable) > 0 {
			one["writablePaths"] = writable
		}
		if len(e.Differs.Leave)+len(e.Differs.Container)+len(writable) > 0 {
			list = append(list, one)
		}
	}
	if len(list) > 0 {
		spec["exceptions"] = list
	}
	return yaml.Marshal(map[string]any{
		"apiVersion": "caseharden.io/v1alpha1", "kind": "Profile", "metadata": map[string]any{"name": name}, "spec": spec,
	})
}

// repositoryOf returns the repository of an image in full, as match.images names it; "" if
// the name is none.
func repositoryOf(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	return named.Name()
}

// parse returns the profile that a document of this name describes, beside the profiles of
// the user.
func parse(name string, doc []byte, files []profile.File) (*defaults.Profile, error) {
	all, err := profile.Parse(append(slices.Clone(files), profile.File{Name: "trial", Data: doc}))
	if err != nil {
		return nil, fmt.Errorf("the profile that the trial writes: %w", err)
	}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("internal error: the profile %s is missing", name)
}

// Document returns one profile for all workloads of the reports, with the exceptions that
// were proven.
func Document(name, base string, reports []*Report) ([]byte, error) {
	var all []Exception
	for _, r := range reports {
		all = append(all, r.Exceptions...)
	}
	// Two workloads may need something different of the same image, or of two containers.
	first := map[string]Exception{}
	byName := false
	for _, e := range all {
		repository := repositoryOf(e.Image)
		if other, found := first[repository]; found && other.Container != e.Container {
			byName = true
		}
		first[repository] = e
	}
	return document(name, base, all, byName)
}
