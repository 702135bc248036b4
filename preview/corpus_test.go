// SPDX-License-Identifier: Apache-2.0

package preview_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
	"github.com/caseharden/caseharden/internal/doctest"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// corpus returns the pods of the file CORPUS as a List, and the file itself. Without one the
// test is skipped.
func corpus(t *testing.T) (list, file []byte) {
	t.Helper()
	path := os.Getenv("CORPUS")
	if path == "" {
		t.Skip("CORPUS is not set")
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var items []any
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var line struct{ Pod map[string]any }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		line.Pod["apiVersion"], line.Pod["kind"] = "v1", "Pod"
		items = append(items, line.Pod)
	}
	list, err = json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil || lines.Err() != nil {
		t.Fatal(err, lines.Err())
	}
	return list, file
}

// publicFacts are those of well-known images.
func publicFacts(image string) *evidence.Known {
	if k, found := known.For(image); found {
		return k
	}
	return nil
}

// documentedCorpus is the SHA-256 of the file whose pods the documentation speaks of.
const documentedCorpus = "6a70894b16549f07e1de4313e97284e796470ac016a4a805d9363b28a0db78c8"

// What the built-in profiles do to the pods of the documentation's corpus is measured.
func TestProfilesOnTheCorpus(t *testing.T) {
	list, file := corpus(t)
	if fmt.Sprintf("%x", sha256.Sum256(file)) != documentedCorpus {
		t.Skip("CORPUS is not the file that the documentation speaks of")
	}
	names := []string{"restricted", "compatible", "hardened"}
	var reports []*preview.Report
	for _, name := range names {
		reports = append(reports, preview.New(profiletest.Builtin(t, name), []manifest.Input{{Name: "pods.json", Data: list}}, preview.Options{Known: publicFacts}))
	}
	first := reports[0].Summary
	var b strings.Builder
	fmt.Fprintf(&b, "This is what the three do to %s Pods (%s containers) from manifests in public repositories. The findings are those of\n", number(first.Workloads), number(first.Containers))
	b.WriteString("the preview, which had the manifests alone and its facts of well-known images:\n\n")
	b.WriteString("| | `" + strings.Join(names, "` | `") + "` |\n|---|---|---|---|\n")
	row := func(title string, count func(*preview.Report) int) {
		b.WriteString("| " + title)
		for _, r := range reports {
			b.WriteString(" | " + number(count(r)))
		}
		b.WriteString(" |\n")
	}
	row("Pods that change", func(r *preview.Report) int { return r.Summary.Changed })
	row("containers that change", func(r *preview.Report) int {
		return containers(r, func(c *preview.Container) bool {
			return slices.ContainsFunc(c.Decisions, func(d preview.Decision) bool { return d.Outcome == "inject" })
		})
	})
	row("settings that are filled in", func(r *preview.Report) (n int) {
		for _, f := range r.Summary.Fields {
			n += f.Inject
		}
		return n
	})
	row(fmt.Sprintf("Pods that meet the Pod Security Standard *restricted* (%d before)", first.PodSecurity.Before.Restricted), func(r *preview.Report) int {
		return r.Summary.PodSecurity.After.Restricted
	})
	row("findings", func(r *preview.Report) (n int) {
		for i := range r.Workloads {
			n += len(r.Workloads[i].Findings)
		}
		return n
	})
	row("Pods with a finding of high severity", func(r *preview.Report) int {
		return having(r, func(f *evidence.Finding) bool { return f.Severity == evidence.High })
	})
	row("Pods whose image the kubelet may refuse, as its user may be root", func(r *preview.Report) int {
		return having(r, func(f *evidence.Finding) bool { return f.ID == "image-user-unknown" })
	})
	doctest.Check(t, "../docs/profiles.md", "corpus", "./preview -run ProfilesOnTheCorpus", b.String())
}

// number writes a number with commas, such as 1,155.
func number(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// containers counts the containers that are so.
func containers(r *preview.Report, is func(*preview.Container) bool) (n int) {
	for i := range r.Workloads {
		for j := range r.Workloads[i].Containers {
			if is(&r.Workloads[i].Containers[j]) {
				n++
			}
		}
	}
	return n
}

// having counts the workloads that have such a finding.
func having(r *preview.Report, is func(*evidence.Finding) bool) (n int) {
	for i := range r.Workloads {
		if slices.ContainsFunc(r.Workloads[i].Findings, func(f evidence.Finding) bool { return is(&f) }) {
			n++
		}
	}
	return n
}
