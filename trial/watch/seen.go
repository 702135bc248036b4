// SPDX-License-Identifier: Apache-2.0

package watch

import (
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
