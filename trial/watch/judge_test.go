// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/trial/watch"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// running is a pod of one container that is ready.
func running(tweaks ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
				{Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	for _, tweak := range tweaks {
		tweak(pod)
	}
	return pod
}

func notReady(pod *corev1.Pod) {
	pod.Status.Conditions[1].Status = corev1.ConditionFalse
	pod.Status.ContainerStatuses[0].Ready = false
}

func waiting(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		notReady(pod)
		pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

func ended(code int32, reason string, lived time.Duration) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, StartedAt: metav1.NewTime(start), FinishedAt: metav1.NewTime(start.Add(lived))}
}

func terminated(code int32, reason string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		notReady(pod)
		pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: ended(code, reason, time.Second)}
	}
}

func restarted(times int32, lived time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses[0].RestartCount = times
		pod.Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{Terminated: ended(137, "Error", lived)}
	}
}

func phase(p corev1.PodPhase) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.Status.Phase = p }
}

func reason(r string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.Status.Reason = r }
}

func TestJudge(t *testing.T) {
	t.Parallel()
	baseline := &watch.Baseline{Lines: map[string]bool{watch.Normalise("warning: open /a: permission denied"): true}, Restarts: map[string]int32{}, Served: 2 * time.Second}
	unschedulable := func(pod *corev1.Pod) {
		notReady(pod)
		pod.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"}
		pod.Status.ContainerStatuses = nil
	}
	noContainer := func(pod *corev1.Pod) { notReady(pod); pod.Status.ContainerStatuses = nil }
	for _, test := range []struct {
		name     string
		pod      *corev1.Pod
		log      string
		events   []watch.Event
		age      time.Duration
		ready    time.Duration // for how long
		exercise *watch.Exercise
		tweak    func(*watch.Rules)
		want     watch.Outcome
		line     string
	}{
		{name: "gone", want: watch.CannotTell},
		{name: "evicted", pod: running(reason("Evicted")), want: watch.CannotTell},
		{name: "preempted", pod: running(reason("Preempting")), want: watch.CannotTell},
		{name: "out of time", pod: running(reason("DeadlineExceeded")), want: watch.CannotTell},
		{name: "not scheduled yet", pod: running(unschedulable), age: 5 * time.Second, want: watch.Pending},
		{name: "not schedulable", pod: running(unschedulable), age: 40 * time.Second, want: watch.CannotTell, line: "0/3 nodes are available"},
		{name: "no volume", pod: running(noContainer), age: 40 * time.Second, events: []watch.Event{{"FailedMount", "secret not found"}}, want: watch.CannotTell, line: "secret not found"},
		{name: "no sandbox", pod: running(noContainer), age: 40 * time.Second, events: []watch.Event{{"FailedCreatePodSandBox", "no network"}}, want: watch.CannotTell},
		{name: "no image", pod: running(waiting("ImagePullBackOff", "not found")), want: watch.CannotTell, line: "not found"},
		{name: "pulling", pod: running(waiting("ContainerCreating", "")), want: watch.Pending},
		{name: "a Secret is missing", pod: running(waiting("CreateContainerConfigError", `secret "x" not found`)), want: watch.CannotTell},
		{name: "the image's user is root", pod: running(waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")), want: watch.Breaks},
		{name: "the runtime refuses", pod: running(waiting("RunContainerError", "exec: permission denied")), want: watch.Breaks, line: "exec: permission denied"},
		{name: "crashed", pod: running(terminated(1, "Error")), log: "starting\nopen /x/y: permission denied\nbye\n", want: watch.Breaks, line: "open /x/y: permission denied"},
		{name: "ended without an error", pod: running(terminated(0, "Completed")), want: watch.Breaks},
		{name: "no memory", pod: running(terminated(137, "OOMKilled")), want: watch.CannotTell},
		{name: "crashed and restarted", pod: running(restarted(1, time.Second)), ready: time.Minute, want: watch.Breaks},
		{name: "as the control crashed and restarted", pod: running(restarted(1, time.Second)), ready: time.Minute, want: watch.Works,
			tweak: func(r *watch.Rules) { r.Baseline = &watch.Baseline{Restarts: map[string]int32{"app": 1}} }},
		{name: "ready, not long enough", pod: running(), ready: 10 * time.Second, want: watch.Pending},
		{name: "ready", pod: running(), ready: 30 * time.Second, want: watch.Works},
		{name: "ready and wrong", pod: running(), log: "warning: open /b: permission denied\n", ready: 30 * time.Second, want: watch.Breaks, line: "warning: open /b: permission denied"},
		{name: "ready, and as wrong as the control", pod: running(), log: "warning: open /a: permission denied\n", ready: 30 * time.Second, want: watch.Works},
		{name: "wants an exercise", pod: running(), ready: 30 * time.Second, tweak: exercised, want: watch.Pending},
		{name: "does not serve yet", pod: running(), ready: 35 * time.Second, tweak: exercised, exercise: &watch.Exercise{What: "status 500"}, want: watch.Pending},
		{name: "does not serve", pod: running(), ready: 40 * time.Second, tweak: exercised, exercise: &watch.Exercise{What: "status 500"}, want: watch.Breaks, line: "status 500"},
		{name: "serves, and complains", pod: running(), log: "warning: open /b: permission denied\n", ready: 30 * time.Second, tweak: exercised, exercise: &watch.Exercise{Passed: true}, want: watch.Works},
		{name: "not ready yet", pod: running(notReady), age: 10 * time.Second, want: watch.Pending},
		{name: "never ready", pod: running(notReady), age: 3 * time.Minute, events: []watch.Event{{"Unhealthy", "Readiness probe failed: 503"}}, want: watch.Breaks, line: "Readiness probe failed: 503"},
		{name: "done", pod: running(phase(corev1.PodSucceeded), terminated(0, "Completed")), tweak: finishes, want: watch.Works},
		{name: "not done", pod: running(), ready: time.Minute, tweak: finishes, want: watch.Pending},
		{name: "never done", pod: running(), age: 3 * time.Minute, tweak: finishes, want: watch.Breaks},
		{name: "failed", pod: running(phase(corev1.PodFailed), terminated(3, "Error")), tweak: finishes, want: watch.Breaks},
		{name: "not killed yet", pod: running(), age: 20 * time.Second, ready: 20 * time.Second, tweak: killed, want: watch.Pending},
		{name: "killed", pod: running(restarted(1, 20*time.Second)), ready: 30 * time.Second, tweak: killed, want: watch.Works},
		{name: "killed, and not long up again", pod: running(restarted(1, 20*time.Second)), ready: 5 * time.Second, tweak: killed, want: watch.Pending},
		{name: "crashed before it was killed", pod: running(restarted(1, 3*time.Second)), ready: 30 * time.Second, tweak: killed, want: watch.Breaks},
		{name: "killed, and crashed then", pod: running(restarted(2, 20*time.Second)), ready: 30 * time.Second, tweak: killed, want: watch.Breaks},
		{name: "killed, and crashes", pod: running(restarted(1, 20*time.Second), terminated(1, "Error")), tweak: killed, want: watch.Breaks},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now := start.Add(max(test.age, test.ready))
			seen := watch.Seen{Pod: test.pod, Logs: map[string]string{"app": test.log}, Events: test.events, Since: start, Now: now, Ready: now.Add(-test.ready), Exercise: test.exercise}
			rules := watch.Rules{Hold: 30 * time.Second, Within: 2 * time.Minute, Patience: 20 * time.Second, Baseline: baseline}
			if test.tweak != nil {
				test.tweak(&rules)
			}
			got := watch.Judge(seen, rules)
			if got.Outcome != test.want {
				t.Errorf("outcome = %s (%s: %s), want %s", got.Outcome, got.Why, got.Line, test.want)
			}
			if test.line != "" && got.Line != test.line {
				t.Errorf("deciding line = %q, want %q", got.Line, test.line)
			}
			if got.Outcome != watch.Pending && got.Why == "" {
				t.Error("it does not say why")
			}
			// Of the control the same cannot be told where a copy breaks.
			if rules.Baseline = nil; test.want == watch.Breaks {
				if c := watch.Judge(seen, rules); c.Outcome == watch.Breaks {
					t.Errorf("the control breaks: %s", c.Why)
				}
			}
		})
	}
}

func exercised(r *watch.Rules) { r.Exercised = true }
func finishes(r *watch.Rules)  { r.Finishes = true }
func killed(r *watch.Rules)    { r.KillAfter = 20 * time.Second }

func TestBaselineKnowsWhatTheControlSays(t *testing.T) {
	t.Parallel()
	b := watch.BaselineOf(watch.Seen{
		Pod: running(restarted(2, time.Second)), Since: start, Ready: start.Add(7 * time.Second),
		Logs: map[string]string{"app": "open /a: permission denied at 12\n"},
	})
	if !b.Lines[watch.Normalise("open /a: permission denied at 99")] || b.Restarts["app"] != 2 || b.ReadyAfter != 7*time.Second {
		t.Errorf("baseline = %+v", b)
	}
}
