// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// controlFacts is what the control shows beside that it works.
type controlFacts struct {
	users  map[string]int64 // as whom each container runs
	groups map[string]int64 // and with which group, where that user started it
	node   Node
}

// learn takes from the control as whom its containers run: the user that the runtime started
// them as, and, if that is root, the user that its processes have become.
func (t *Trial) learn(ctx context.Context) {
	t.facts.users, t.facts.groups = map[string]int64{}, map[string]int64{}
	pod, err := t.Cluster.Pod(ctx, t.controlName)
	if err != nil || pod == nil {
		return
	}
	for _, c := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		if c.User != nil && c.User.Linux != nil {
			t.facts.users[c.Name], t.facts.groups[c.Name] = c.User.Linux.UID, c.User.Linux.GID
		}
		shared := pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace
		if t.facts.users[c.Name] != 0 || shared || c.State.Running == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		code, output, err := t.Cluster.Exec(ctx, t.controlName, c.Name, []string{"sh", "-c", "cat /proc/[0-9]*/status"})
		if err != nil || code != 0 && output == "" {
			code, output, err = t.Cluster.Exec(ctx, t.controlName, c.Name, []string{"cat", "/proc/1/status"})
		}
		cancel()
		if err == nil && (code == 0 || output != "") {
			t.facts.users[c.Name] = userIn(output)
		}
	}
}

// userIn returns the effective user of the most processes that are not root's, from their
// /proc/PID/status; 0 if there is none. A server that is root often gives its work to
// processes of another user.
func userIn(status string) int64 {
	processes := map[int64]int{}
	found := int64(0)
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] == "Uid:" {
			if uid, err := strconv.ParseInt(fields[2], 10, 64); err == nil && uid != 0 {
				if processes[uid]++; processes[uid] > processes[found] {
					found = uid
				}
			}
		}
	}
	return found
}
