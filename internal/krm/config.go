// SPDX-License-Identifier: Apache-2.0

package krm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
)

// A config is what the functionConfig of a ResourceList asks for.
type config struct {
	profile     *defaults.Profile
	check       bool // change nothing
	failOnRisk  bool // else only what breaks is an error
	minSeverity evidence.Severity
}

// A functionConfig is a ConfigMap with settings, or a profile. Of its metadata only the name counts:
// tools keep annotations of their own there.
type functionConfig struct {
	APIVersion string                `yaml:"apiVersion"`
	Kind       string                `yaml:"kind"`
	Metadata   struct{ Name string } `yaml:"metadata"`
	Data       map[string]string     `yaml:"data"`
	Spec       yaml.Node             `yaml:"spec"`
}

// readConfig reads a functionConfig; nil is one with the defaults.
func readConfig(node *yaml.Node) (*config, error) {
	var f functionConfig
	if node != nil {
		if err := node.Decode(&f); err != nil {
			return nil, fmt.Errorf("functionConfig: %w", err)
		}
	}
	c := &config{}
	var files []profile.File
	name := "hardened"
	switch {
	case f.Kind == "", f.Kind == "ConfigMap":
		if err := c.readData(f.Data); err != nil {
			return nil, err
		}
		if asked := f.Data["profile"]; asked != "" {
			name = asked
		}
	case f.Kind == "Profile" && strings.HasPrefix(f.APIVersion, "caseharden.io/"):
		data, err := yaml.Marshal(map[string]any{
			"apiVersion": f.APIVersion, "kind": f.Kind, "metadata": map[string]string{"name": f.Metadata.Name}, "spec": &f.Spec,
		})
		if err != nil {
			return nil, err
		}
		files, name = []profile.File{{Name: "functionConfig", Data: data}}, f.Metadata.Name
	default:
		return nil, fmt.Errorf("functionConfig: must be a ConfigMap or a Profile of caseharden.io, is a %s of %s", f.Kind, f.APIVersion)
	}
	profiles, err := profile.Parse(files)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range profiles {
		if names = append(names, p.Name); p.Name == name {
			c.profile = p
		}
	}
	if c.profile == nil {
		return nil, fmt.Errorf("functionConfig: data.profile: must be one of %s, is %q: for one of your own, give the Profile itself as functionConfig", strings.Join(names, ", "), name)
	}
	return c, nil
}

// readData reads the settings of a ConfigMap.
func (c *config) readData(data map[string]string) error {
	var errs []error
	oneOf := func(name string, allowed ...string) string {
		value, found := data[name]
		if found && !slices.Contains(allowed, value) {
			errs = append(errs, fmt.Errorf("functionConfig: data.%s: must be one of %s, is %q", name, strings.Join(allowed, ", "), value))
		}
		return value
	}
	var severities []string
	for _, s := range preview.Severities() {
		severities = append(severities, string(s))
	}
	c.check = oneOf("mode", "fill", "check") == "check"
	c.failOnRisk = oneOf("failOn", "breaks", "risk") == "risk"
	c.minSeverity = evidence.Severity(oneOf("minSeverity", severities...))
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if known := []string{"profile", "mode", "failOn", "minSeverity"}; !slices.Contains(known, name) {
			errs = append(errs, fmt.Errorf("functionConfig: data.%s: must be one of %s", name, strings.Join(known, ", ")))
		}
	}
	return errors.Join(errs...)
}
