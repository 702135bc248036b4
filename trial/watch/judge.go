// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// An Outcome is what became of a copy.
type Outcome string

// The outcomes.
const (
	Pending    Outcome = "pending"
	Works      Outcome = "works"
	Breaks     Outcome = "breaks"
	CannotTell Outcome = "cannot tell"
)

// Seen is what was seen of a copy.
type Seen struct {
	Pod      *corev1.Pod       // nil: it is gone
	Events   []Event           // the kubelet's and the scheduler's, oldest first
	Logs     map[string]string // of each container, with those of the instance before a restart
	Since    time.Time         // when it was created
	Ready    time.Time         // since when all its containers are, as the caller's clock has it
	Now      time.Time
	Exercise *Exercise     // nil: not exercised yet
	Served   time.Duration // after its creation it passed the exercise for the first time; 0: it has not yet
}

// An Event is a warning about a copy.
type Event struct{ Reason, Message string }

// An Exercise is what the command or the request came to that exercises a copy.
type Exercise struct {
	Passed bool
	What   string // such as "GET /healthz answers 500"
}

// Rules are by what a copy is judged.
type Rules struct {
	Hold      time.Duration // how long it has to stay ready
	Within    time.Duration // how long it may take to become ready, or to finish
	Patience  time.Duration // how long what a cluster does by itself may take: scheduling, mounting
	Finishes  bool          // its containers run to their end
	KillAfter time.Duration // the kubelet kills each container after this time; 0: does not
	Exercised bool          // it has to be exercised
	Baseline  *Baseline     // of the control; nil: this is the control
}

// A Baseline is what the control did.
type Baseline struct {
	Lines      map[string]bool // of its logs that point at a cause, normalised
	Restarts   map[string]int32
	ReadyAfter time.Duration
	Served     time.Duration // as Seen has it
}

// A Judgement says what became of a copy.
type Judgement struct {
	Outcome   Outcome
	Container string // that decided; empty: the pod
	Why       string // what happened, in a few words
	Line      string // the deciding line of a log or a message; empty if there is none
	Clues     []Clue // of everything that was seen, and the control did not do
	Held      time.Duration
	Exercise  bool // it has held, and waits for being exercised
}

// Judge says what became of a copy. The first case that holds decides.
//
//	when                                               outcome
//	the pod is gone, evicted, preempted, out of time   cannot tell
//	it cannot be scheduled, its sandbox or volumes     cannot tell
//	  cannot be made, for longer than patience allows
//	an image cannot be pulled, a Secret is missing     cannot tell
//	the kubelet or the runtime refuses a container     breaks
//	a container ended that should run, or failed       breaks
//	all containers are done that should be             works
//	it is ready, and stayed so, and serves             works, or breaks by what it says
//	it is not ready in time                            breaks (the control: cannot tell)
//	otherwise                                          pending
func Judge(s Seen, r Rules) Judgement {
	j := judge(s, r)
	if r.Baseline == nil && j.Outcome == Breaks {
		j.Outcome = CannotTell
	}
	if j.Outcome != Pending {
		j.Clues = cluesOf(s, r)
	}
	return j
}

func judge(s Seen, r Rules) Judgement {
	age := s.Now.Sub(s.Since)
	switch {
	case s.Pod == nil:
		return Judgement{Outcome: CannotTell, Why: "the copy was deleted while it ran"}
	case slices.Contains([]string{"Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeLost", "OutOfcpu", "OutOfmemory", "OutOfpods"}, s.Pod.Status.Reason):
		return Judgement{Outcome: CannotTell, Why: "the copy was taken off its node: " + s.Pod.Status.Reason, Line: s.Pod.Status.Message}
	case s.Pod.Status.Reason == "DeadlineExceeded":
		return Judgement{Outcome: CannotTell, Why: "the copy ran out of time"}
	case s.Pod.DeletionTimestamp != nil:
		return Judgement{Outcome: CannotTell, Why: "the copy was deleted while it ran"}
	}
	if j := stuck(s, r, age); j.Outcome != Pending {
		return j
	}
	if j := containers(s, r); j.Outcome != Pending {
		return j
	}
	if r.Finishes {
		return finished(s, r, age)
	}
	return ready(s, r, age)
}

// stuck judges a pod whose containers cannot be started for reasons of the cluster.
func stuck(s Seen, r Rules, age time.Duration) Judgement {
	for _, c := range s.Pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && age > r.Patience {
			return Judgement{Outcome: CannotTell, Why: "the copy cannot be scheduled", Line: c.Message}
		}
	}
	if started(s.Pod) || age <= r.Patience {
		return Judgement{Outcome: Pending}
	}
	for _, e := range slices.Backward(s.Events) {
		switch e.Reason {
		case "FailedMount", "FailedAttachVolume":
			return Judgement{Outcome: CannotTell, Why: "a volume of the copy cannot be mounted", Line: e.Message}
		case "FailedCreatePodSandBox", "NetworkNotReady":
			return Judgement{Outcome: CannotTell, Why: "the node cannot give the copy a sandbox", Line: e.Message}
		}
	}
	return Judgement{Outcome: Pending}
}

// started reports whether any container of a pod has a state of its own.
func started(pod *corev1.Pod) bool {
	return slices.ContainsFunc(statuses(pod), func(c corev1.ContainerStatus) bool {
		return c.State.Running != nil || c.State.Terminated != nil || c.RestartCount > 0
	})
}

func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...)
}

// containers judges each container by its state.
func containers(s Seen, r Rules) Judgement {
	for _, c := range s.Pod.Status.InitContainerStatuses {
		if j := container(s, r, c, !isSidecar(s.Pod, c.Name)); j.Outcome != Pending {
			return j
		}
	}
	for _, c := range s.Pod.Status.ContainerStatuses {
		if j := container(s, r, c, r.Finishes); j.Outcome != Pending {
			return j
		}
	}
	return Judgement{Outcome: Pending}
}

func isSidecar(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

// container judges one container, of which it reports whether it should come to its end.
func container(s Seen, r Rules, c corev1.ContainerStatus, ends bool) Judgement {
	breaks := func(why, line string) Judgement {
		return Judgement{Outcome: Breaks, Container: c.Name, Why: why, Line: line}
	}
	if w := c.State.Waiting; w != nil {
		switch w.Reason {
		case "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
			return Judgement{Outcome: CannotTell, Container: c.Name, Why: "the image cannot be pulled", Line: w.Message}
		case "CreateContainerConfigError":
			if isRootRefused(w.Message) {
				return breaks("the kubelet refuses to start it", w.Message)
			}
			return Judgement{Outcome: CannotTell, Container: c.Name, Why: "what its configuration refers to is missing", Line: w.Message}
		case "CreateContainerError", "RunContainerError", "StartError", "PostStartHookError", "PreCreateHookError", "PreStartHookError":
			return breaks("the runtime cannot start it", w.Message)
		}
	}
	ended := c.State.Terminated
	if ended == nil {
		ended = c.LastTerminationState.Terminated
	}
	if ended == nil {
		return Judgement{Outcome: Pending}
	}
	switch {
	case ended.Reason == "OOMKilled":
		return Judgement{Outcome: CannotTell, Container: c.Name, Why: "it ran out of memory"}
	case ended.Reason == "StartError" || ended.Reason == "ContainerCannotRun":
		return breaks("the runtime cannot start it", ended.Message)
	case ends && ended.ExitCode == 0:
		return Judgement{Outcome: Pending}
	case wasKilled(c, ended, r):
		return Judgement{Outcome: Pending}
	case endings(c) <= endingsAllowed(c.Name, r):
		return Judgement{Outcome: Pending}
	}
	return breaks(exitWords(ended), decidingLine(c.Name, s.Logs[c.Name], ended.Message))
}

// wasKilled reports whether the end of a container is the kubelet's doing, for the first
// time, as the copy asks for.
func wasKilled(c corev1.ContainerStatus, ended *corev1.ContainerStateTerminated, r Rules) bool {
	lived := ended.FinishedAt.Sub(ended.StartedAt.Time)
	// Both are whole seconds.
	return r.KillAfter > 0 && c.RestartCount <= 1 && lived >= r.KillAfter-time.Second &&
		(c.State.Terminated == nil || c.RestartCount == 0)
}

// endings returns how often a container has ended.
func endings(c corev1.ContainerStatus) int32 {
	if c.State.Terminated != nil {
		return c.RestartCount + 1
	}
	return c.RestartCount
}

// endingsAllowed returns how often a container may end: as often as the control's did, which
// may itself need a second start, when what it waits for is there.
func endingsAllowed(container string, r Rules) int32 {
	switch {
	case r.Baseline != nil:
		return r.Baseline.Restarts[container]
	case r.Finishes:
		return 0
	}
	return 1
}

func isRootRefused(message string) bool {
	return strings.Contains(message, "runAsNonRoot") || strings.Contains(message, "non-root")
}

func exitWords(ended *corev1.ContainerStateTerminated) string {
	if ended.Signal != 0 {
		return fmt.Sprintf("ends by signal %d", ended.Signal)
	}
	if ended.ExitCode > 128 && ended.ExitCode <= 128+64 {
		return fmt.Sprintf("ends by signal %d (exit code %d)", ended.ExitCode-128, ended.ExitCode)
	}
	return fmt.Sprintf("ends with exit code %d", ended.ExitCode)
}

// finished judges a pod whose containers run to their end.
func finished(s Seen, r Rules, age time.Duration) Judgement {
	switch {
	case s.Pod.Status.Phase == corev1.PodSucceeded && r.Exercised && s.Exercise == nil:
		return complains(s, r, Judgement{Outcome: Works, Why: "ran to its end; what ended cannot be exercised"})
	case s.Pod.Status.Phase == corev1.PodSucceeded:
		return complains(s, r, Judgement{Outcome: Works, Why: "ran to its end"})
	case age > r.Within:
		return Judgement{Outcome: Breaks, Why: fmt.Sprintf("did not come to its end within %s", r.Within)}
	}
	return Judgement{Outcome: Pending}
}

// ready judges a pod whose containers run.
func ready(s Seen, r Rules, age time.Duration) Judgement {
	is := ContainersReady(s.Pod)
	if is && r.KillAfter > 0 && !killedOnce(s.Pod) {
		is = false
		age = 0 // the kill comes when the kubelet does it
		if s.Now.Sub(s.Since) > r.Within+r.KillAfter {
			return Judgement{Outcome: CannotTell, Why: "the kubelet did not kill the container"}
		}
	}
	if !is {
		if age <= r.Within+2*r.KillAfter {
			return Judgement{Outcome: Pending}
		}
		name, line := unready(s)
		return Judgement{Outcome: Breaks, Container: name, Why: fmt.Sprintf("is not ready after %s", r.Within), Line: line}
	}
	held := s.Now.Sub(s.Ready)
	switch {
	case held < r.Hold:
		return Judgement{Outcome: Pending, Held: held}
	case r.Exercised && (s.Exercise == nil || !s.Exercise.Passed && s.Now.Sub(s.Since) <= mayServeWithin(r)):
		return Judgement{Outcome: Pending, Held: held, Exercise: true}
	case r.Exercised && !s.Exercise.Passed:
		name := ""
		if len(s.Pod.Spec.Containers) > 0 {
			name = s.Pod.Spec.Containers[0].Name
		}
		return Judgement{Outcome: Breaks, Container: name, Why: "is ready, and does not work", Line: s.Exercise.What, Held: held}
	}
	return complains(s, r, Judgement{Outcome: Works, Why: "is ready and stays so", Held: held})
}

// mayServeWithin returns how long a copy may take until it passes the exercise: without a
// readiness probe a container is ready before it serves. The control has all the time, and
// the others as long as it is not known how long the control takes.
func mayServeWithin(r Rules) time.Duration {
	if r.Baseline == nil || r.Baseline.Served == 0 {
		return r.Within + r.Hold
	}
	const spare = 5 * time.Second
	return r.Hold + r.KillAfter + 2*r.Baseline.Served + spare
}

// complains turns a copy that seems to work into one that breaks if its logs tell of a
// refusal that the control's do not: ready is not the same as working. A copy that was
// exercised, and served, works whatever it says.
func complains(s Seen, r Rules, j Judgement) Judgement {
	if r.Baseline == nil || r.Exercised && s.Exercise != nil && s.Exercise.Passed {
		return j
	}
	for _, c := range cluesOf(s, r) {
		return Judgement{Outcome: Breaks, Container: c.Container, Why: "runs, and says what the control does not", Line: c.Line, Held: j.Held}
	}
	return j
}

// killedOnce reports whether every regular container was started again.
func killedOnce(pod *corev1.Pod) bool {
	return !slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.RestartCount == 0 })
}

// ContainersReady reports whether all containers of a pod are ready, whatever its readiness
// gates say.
func ContainersReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.ContainersReady && c.Status == corev1.ConditionTrue
	})
}

// unready returns the container that is not ready, with what it or its probe says.
func unready(s Seen) (name, line string) {
	for _, c := range s.Pod.Status.ContainerStatuses {
		if c.Ready {
			continue
		}
		line = decidingLine(c.Name, s.Logs[c.Name], "")
		if clues := Clues(c.Name, s.Logs[c.Name]); len(clues) == 0 {
			for _, e := range slices.Backward(s.Events) {
				if e.Reason == "Unhealthy" {
					return c.Name, e.Message
				}
			}
		}
		return c.Name, line
	}
	return "", ""
}

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
