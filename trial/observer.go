// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/observe"
	"github.com/caseharden/caseharden/trial/watch"
)

// observerName is the name of the observer's container.
const observerName = "caseharden-observer"

// observer returns the container that watches where another one writes: a native sidecar
// with the same user and group, and without a capability. It returns nil where there is none: no
// image is given, the root file system of the candidate is read-only, or the container runs
// as root, whom only root with the same capabilities may watch.
func (t *Trial) observer(b *book, c narrow.Candidate) map[string]any {
	if t.Options.ObserverImage == "" || c[rootGroup] != narrow.Leave {
		return nil
	}
	uid := t.userOf(b, c)
	if uid <= 0 {
		return nil
	}
	security := map[string]any{
		"runAsUser": uid, "runAsNonRoot": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
		"capabilities":   map[string]any{"drop": []any{"ALL"}},
		"seccompProfile": map[string]any{"type": "RuntimeDefault"},
	}
	if uid == t.facts.users[b.container] {
		security["runAsGroup"] = t.facts.groups[b.container]
	}
	return map[string]any{
		"name": observerName, "image": t.Options.ObserverImage, "args": []any{"observe"},
		"restartPolicy":   "Always",
		"securityContext": security,
		"resources": map[string]any{
			"requests": map[string]any{"cpu": "10m", "memory": "32Mi"},
			"limits":   map[string]any{"memory": "64Mi"},
		},
	}
}

// userOf returns as whom a container runs under a candidate; 0 is root, or unknown.
func (t *Trial) userOf(b *book, c narrow.Candidate) int64 {
	answer := c[userGroup]
	if number, found := strings.CutPrefix(answer, "user "); found {
		uid, _ := strconv.ParseInt(number, 10, 64)
		return uid
	}
	for _, s := range t.settings {
		if answer == "" && s.Field == "runAsUser" && s.Container == b.container {
			uid, _ := strconv.ParseInt(s.Value, 10, 64)
			return uid
		}
	}
	return t.facts.users[b.container]
}

// observed returns where a container of a copy wrote, by its observer's log.
func (t *Trial) observed(ctx context.Context, run Run, container string) []string {
	log, err := t.Cluster.Log(ctx, run.Copy, observerName, false)
	if err != nil || run.pod == nil {
		return nil
	}
	id := ""
	for _, s := range append(slices.Clone(run.pod.Status.InitContainerStatuses), run.pod.Status.ContainerStatuses...) {
		if s.Name == container {
			_, id, _ = strings.Cut(s.ContainerID, "://")
		}
	}
	return observe.Directories(log, id)
}

// sawWrites notes where the container wrote while its root file system was writable.
func (d *detective) sawWrites(paths []string) {
	for _, p := range paths {
		if p = watch.Directory(p + "/file"); p != "" && !slices.Contains(d.paths, p) {
			d.paths = append(d.paths, p)
		}
	}
	if answer, ok := d.book.offerPaths(d.paths); ok {
		d.search.Answer(rootGroup, answer)
		d.search.Suggest(narrow.Candidate{rootGroup: answer.ID})
	}
}
