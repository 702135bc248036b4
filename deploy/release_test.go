// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// The chart, its image on Artifact Hub, and the action are of one version, which a release
// has; and the annotations, which are YAML in YAML, are what Artifact Hub reads.
func TestVersions(t *testing.T) {
	var chart struct {
		Version, AppVersion, Icon string
		Annotations               map[string]string
	}
	readYAML(t, "chart/Chart.yaml", &chart)
	if chart.Version != chart.AppVersion {
		t.Errorf("the chart is of version %s, and its application of %s: a release has one", chart.Version, chart.AppVersion)
	}
	type image struct {
		Name, Image string
		Platforms   []string
	}
	var images []image
	if err := yaml.UnmarshalStrict([]byte(chart.Annotations["artifacthub.io/images"]), &images); err != nil {
		t.Fatal(err)
	}
	want := []image{{"caseharden", "ghcr.io/caseharden/caseharden:" + chart.AppVersion, []string{"linux/amd64", "linux/arm64"}}}
	if diff := cmp.Diff(want, images); diff != "" {
		t.Errorf("artifacthub.io/images (-want +got):\n%s", diff)
	}
	var links []struct{ Name, URL string }
	if err := yaml.UnmarshalStrict([]byte(chart.Annotations["artifacthub.io/links"]), &links); err != nil {
		t.Fatal(err)
	}
	addresses := []string{chart.Icon}
	for _, l := range links {
		addresses = append(addresses, l.URL)
	}
	at := regexp.MustCompile(`^https://(?:github|raw\.githubusercontent)\.com/caseharden/caseharden/(?:(?:tree|blob)/)?main/(.+)$`)
	for _, address := range addresses {
		match := at.FindStringSubmatch(address)
		if match == nil {
			t.Errorf("%s is not in the repository", address)
		} else if _, err := os.Stat("../" + match[1]); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	var action struct {
		Inputs struct{ Version struct{ Default string } }
	}
	readYAML(t, "../action.yml", &action)
	if action.Inputs.Version.Default != chart.AppVersion {
		t.Errorf("action.yml downloads version %s, and the chart has %s", action.Inputs.Version.Default, chart.AppVersion)
	}
}

// The krew manifest names each platform that a release is built for, and no other.
func TestKrewPlatforms(t *testing.T) {
	var plugin struct {
		Spec struct {
			Platforms []struct {
				Selector    struct{ MatchLabels struct{ OS, Arch string } }
				URI, SHA256 string
			}
		}
	}
	readYAML(t, "krew.yaml", &plugin)
	var got []string
	for _, p := range plugin.Spec.Platforms {
		name := p.Selector.MatchLabels.OS + "_" + p.Selector.MatchLabels.Arch
		got = append(got, strings.Replace(name, "_", "/", 1))
		if !strings.HasSuffix(p.URI, "/caseharden_VERSION_"+name+".tar.gz") || p.SHA256 != "SHA256_"+name {
			t.Errorf("%s: %s, %s", name, p.URI, p.SHA256)
		}
	}
	script, err := os.ReadFile("release.sh")
	if err != nil {
		t.Fatal(err)
	}
	built := regexp.MustCompile(`(?m)^platforms=\((.*)\)$`).FindSubmatch(script)
	if built == nil || !slices.Equal(strings.Fields(string(built[1])), got) {
		t.Errorf("release.sh builds for %s, and krew.yaml names %s", built, got)
	}
}

// The icon is an image that needs nothing from elsewhere, and runs nothing.
func TestIcon(t *testing.T) {
	file, err := os.Open("../docs/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := xml.NewDecoder(file)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if element, ok := token.(xml.StartElement); ok && !slices.Contains([]string{"svg", "path"}, element.Name.Local) {
			t.Errorf("<%s>: the icon has paths alone", element.Name.Local)
		}
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
