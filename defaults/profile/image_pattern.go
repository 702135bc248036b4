// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/caseharden/caseharden/defaults"
)

// parseImagePattern reads a glob of image repositories, such as jenkins/jenkins,
// registry.example.com/*/app or **/nginx. A * stands for any part of one
// component, and a ** for any number of components. A * or ** alone stands for all
// images. What names no registry is normalised as an image is: nginx stands for
// docker.io/library/nginx.
func parseImagePattern(glob string) (defaults.ImagePattern, error) {
	first, rest, several := strings.Cut(glob, "/")
	switch {
	case strings.ContainsRune(glob, '@') || strings.Contains(glob[strings.LastIndexByte(glob, '/')+1:], ":"):
		return defaults.ImagePattern{}, errors.New("must name a repository without tag and digest: a tag or digest is never compared")
	case !globSyntax.MatchString(glob) || !several && strings.ToLower(glob) != glob:
		return defaults.ImagePattern{}, errors.New("must be a repository, in which * stands for a part of one component and ** for any number of components")
	case slices.ContainsFunc(strings.Split(glob, "/"), func(c string) bool { return c != "**" && strings.Contains(c, "**") }):
		return defaults.ImagePattern{}, errors.New("must have ** only as a whole component, such as in **/nginx: it stands for any number of components")
	case !several && strings.Contains(glob, "."):
		return defaults.ImagePattern{}, fmt.Errorf("must name more than a registry: %s/** stands for all its images", glob)
	case several && first == "*":
		return defaults.ImagePattern{}, fmt.Errorf("must not begin with */: write **/%[1]s for any registry, or docker.io/*/%[1]s for Docker Hub", rest)
	case glob == "*":
		return newImagePattern(glob, "**"), nil
	case first == "**":
		return newImagePattern(glob, glob), nil
	case several && (first == "docker.io" || first == "index.docker.io"):
		return newImagePattern(glob, onDockerHub(rest)), nil
	case several && isRegistry(first):
		return newImagePattern(glob, glob), nil
	default:
		return newImagePattern(glob, onDockerHub(glob)), nil
	}
}

// onDockerHub completes a glob as names of Docker Hub are: what has one component
// is an official image.
func onDockerHub(glob string) string {
	if glob == "**" || strings.Contains(glob, "/") {
		return "docker.io/" + glob
	}
	return "docker.io/library/" + glob
}

// globSyntax is what repositories are made of, with stars: a host, and components
// that begin and end with a letter, a digit or a star.
var globSyntax = regexp.MustCompile(`^[A-Za-z0-9*]([A-Za-z0-9._:*-]*[A-Za-z0-9*])?(/[a-z0-9*]([a-z0-9._*-]*[a-z0-9*])?)*$`)

// isRegistry is the rule by which the first component of an image's name is a
// registry (splitDockerDomain in github.com/distribution/reference).
func isRegistry(component string) bool {
	return strings.ContainsAny(component, ".:") || component == "localhost" || strings.ToLower(component) != component
}

func newImagePattern(written, glob string) defaults.ImagePattern {
	var pattern []string
	for _, component := range strings.Split(glob, "/") {
		if component == "**" {
			pattern = append(pattern, `([^/]+/)*`)
			continue
		}
		parts := strings.Split(component, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern = append(pattern, strings.Join(parts, `[^/]*`)+"/")
	}
	expression := strings.Join(pattern, "")
	repositories := regexp.MustCompile("^" + expression + "$")
	return defaults.ImagePattern{
		Glob:       written,
		Expression: expression,
		Matches:    func(repository string) bool { return repository != "" && repositories.MatchString(repository+"/") },
	}
}

// repositoryOf returns the repository that the name of an image stands for, such as
// docker.io/library/nginx for nginx:1; "" for what cannot be parsed.
func repositoryOf(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	return named.Name()
}
