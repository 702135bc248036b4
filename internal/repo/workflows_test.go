// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       []struct{ Uses, Run string }
	}
}

// workflows returns what is in .github/workflows, by file, as text and parsed.
func workflows(t *testing.T) (texts map[string]string, parsed map[string]workflow) {
	t.Helper()
	files, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows: %d, %v", len(files), err)
	}
	texts, parsed = map[string]string{}, map[string]workflow{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(data, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		texts[file], parsed[file] = string(data), w
	}
	return texts, parsed
}

// An action is of one commit, with its version in a comment: a tag can be moved. The same
// action is of the same commit everywhere.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	texts, _ := workflows(t)
	data, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	texts["action.yml"] = string(data)
	uses := regexp.MustCompile(`(?m)^ *(?:- )?uses: *(\S+?)(?:@(\S+))?( *#.*)?$`)
	pinned := regexp.MustCompile(`^[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	commits := map[string]string{}
	for file, text := range texts {
		for _, match := range uses.FindAllStringSubmatch(text, -1) {
			action, commit := match[1], match[2]+match[3]
			if !pinned.MatchString(commit) {
				t.Errorf("%s: %s@%s: must be a full commit hash, with its version in a comment", file, action, commit)
			}
			if other := commits[action]; other != "" && other != commit {
				t.Errorf("%s: %s@%s, and elsewhere @%s", file, action, commit, other)
			}
			commits[action] = commit
		}
	}
	if len(commits) == 0 {
		t.Error("no action was found")
	}
}

// A workflow has no permissions, and each job names those that it needs. Only the release
// may write.
func TestPermissionsOfWorkflows(t *testing.T) {
	t.Parallel()
	texts, parsed := workflows(t)
	for file, w := range parsed {
		if !strings.Contains(texts[file], "\npermissions: {}\n") {
			t.Errorf("%s: must begin with no permissions: permissions: {}", file)
		}
		for name, job := range w.Jobs {
			if len(job.Permissions) == 0 {
				t.Errorf("%s: job %s: must name its permissions", file, name)
			}
			for permission, access := range job.Permissions {
				if access != "read" && file != ".github/workflows/release.yml" {
					t.Errorf("%s: job %s: %s: %s", file, name, permission, access)
				}
			}
		}
	}
}

// What workflows run is in the Makefile: nothing is known only to them.
func TestWorkflowsRunTargets(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile(`(?:\bmake|targets:) ([a-z0-9 -]+)`)
	texts, _ := workflows(t)
	found := 0
	for file, text := range texts {
		for _, match := range target.FindAllStringSubmatch(text, -1) {
			for name := range strings.FieldsSeq(match[1]) {
				found++
				if !strings.Contains(string(makefile), "\n"+name+":") {
					t.Errorf("%s: make %s: the Makefile has no such target", file, name)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no target was found")
	}
}

// The workflows compile with the Go of the image: the binaries of a release are so those in
// its image.
func TestGoOfTheWorkflowsIsThatOfTheImage(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`(?m)^ARG GO_IMAGE=\S+/golang:(\S+)$`).FindSubmatch(dockerfile)
	if image == nil {
		t.Fatal("the Dockerfile has no GO_IMAGE")
	}
	texts, _ := workflows(t)
	found := 0
	for file, text := range texts {
		for _, match := range regexp.MustCompile(`go-version: ([^,}\s]+)`).FindAllStringSubmatch(text, -1) {
			found++
			if match[1] != string(image[1]) {
				t.Errorf("%s: Go %s, and the image has %s", file, match[1], image[1])
			}
		}
	}
	if found == 0 {
		t.Error("no version of Go was found")
	}
}
