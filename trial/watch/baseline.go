// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// decidingLine returns the line of a log that says most: the last that points at a cause,
// else the last of all, else the message.
func decidingLine(container, log, message string) string {
	if clues := Clues(container, log); len(clues) > 0 {
		return clues[len(clues)-1].Line
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return cmp.Or(strings.TrimSpace(lines[len(lines)-1]), message)
}

// cluesOf returns what the logs, the kubelet and the runtime say, and the control's did not.
func cluesOf(s Seen, r Rules) []Clue {
	if s.Pod == nil {
		return nil
	}
	var clues []Clue
	for _, c := range statuses(s.Pod) {
		clues = append(clues, Clues(c.Name, s.Logs[c.Name])...)
		if c.State.Waiting != nil {
			clues = append(clues, Clues(c.Name, c.State.Waiting.Message)...)
		}
		for _, t := range []*corev1.ContainerStateTerminated{c.State.Terminated, c.LastTerminationState.Terminated} {
			if t == nil {
				continue
			}
			clues = append(clues, Clues(c.Name, t.Message)...)
			if t.ExitCode == 128+31 || t.Signal == 31 {
				clues = append(clues, Clue{Container: c.Name, Symptom: BadCall, Line: exitWords(t)})
			}
		}
	}
	if s.Exercise != nil && !s.Exercise.Passed && len(s.Pod.Spec.Containers) > 0 {
		clues = append(clues, Clues(s.Pod.Spec.Containers[0].Name, s.Exercise.What)...)
	}
	if r.Baseline == nil {
		return clues
	}
	return NewClues(clues, r.Baseline.Lines)
}

// BaselineOf returns what the control did.
func BaselineOf(s Seen) *Baseline {
	b := &Baseline{Lines: map[string]bool{}, Restarts: map[string]int32{}}
	if s.Pod == nil {
		return b
	}
	for _, c := range cluesOf(s, Rules{}) {
		b.Lines[Normalise(c.Line)] = true
	}
	for _, c := range statuses(s.Pod) {
		b.Restarts[c.Name] = c.RestartCount
	}
	if ContainersReady(s.Pod) {
		b.ReadyAfter = s.Ready.Sub(s.Since)
	}
	b.Served = s.Served
	return b
}
