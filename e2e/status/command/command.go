// SPDX-License-Identifier: Apache-2.0

// Package command runs the command status, and reads its JSON.
package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// A Result is what the command came to.
type Result struct {
	Code           int
	Stdout, Stderr string
	Report         Report // if the output is JSON
	Took           time.Duration
	Memory         int64 // bytes that were resident at most
}

// A Report is what is read of the command's JSON.
type Report struct {
	Summary struct {
		Pods, Workloads, Unwell, Suspects int
		States                            map[string]int
	}
	Clusters []struct {
		Installation Installation
		Namespaces   []Namespace
		Unseen       []struct{ What, Error, Means string }
		Waste        []struct{ ID, Profile string }
		Writes       []struct{ Namespace, Pod, Container string }
	}
}

// An Installation is what the report says of one.
type Installation struct {
	Configuration, Version  string
	Seen                    bool
	Profiles, FailurePolicy []string
	Endpoints               *struct{ Ready, All int }
	CAUntil                 *time.Time
	Replicas, Ready         int
	Problems                []Problem
}

// A Problem is one of an installation or of a namespace.
type Problem struct{ ID, What string }

// A Namespace is one that asks for a profile.
type Namespace struct {
	Name      string
	Profiles  map[string]string
	Pods      int
	States    map[string]int
	Problems  []Problem
	Workloads []Workload
}

// A Workload is a row of the report.
type Workload struct {
	Kind, Name  string
	Pods        int
	States      map[string]int
	Findings    []Finding
	Unexplained []struct{ Why, Message string }
	Failures    []string
	Next        *struct {
		Injects, Skips []string
		Verdict        string
	}
}

// A Finding is a suspicion.
type Finding struct {
	ID, Verdict, Severity, Before, Command, Note string
	Settings                                     []string
}

// Namespace returns a namespace of the report.
func (r Report) Namespace(t *testing.T, name string) Namespace {
	t.Helper()
	for _, c := range r.Clusters {
		for _, n := range c.Namespaces {
			if n.Name == name {
				return n
			}
		}
	}
	t.Fatalf("there is no namespace %s", name)
	return Namespace{}
}

// Workload returns a workload of the report.
func (r Report) Workload(t *testing.T, kind, name string) Workload {
	t.Helper()
	for _, c := range r.Clusters {
		for _, n := range c.Namespaces {
			for _, w := range n.Workloads {
				if w.Kind == kind && w.Name == name {
					return w
				}
			}
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return Workload{}
}

// Run runs "caseharden status" with a kubeconfig.
func Run(t *testing.T, caseharden, kubeconfig string, args ...string) Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), caseharden, append([]string{"status"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Took: time.Since(begun)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.Code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss << 10
	}
	if strings.HasPrefix(r.Stdout, "{") && strings.Contains(r.Stdout, `"kind": "Status"`) {
		if err := json.Unmarshal(stdout.Bytes(), &r.Report); err != nil {
			t.Fatal(err)
		}
	}
	if r.Code == 1 {
		t.Logf("%s: %s", strings.Join(cmd.Args[1:], " "), r.Stderr)
	}
	return r
}

// As returns a kubeconfig with which an administrator acts as a user.
func As(t *testing.T, administrator, user string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(administrator)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range config.AuthInfos {
		info.Impersonate = user
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// Shell runs a command line as a user would, with the directory of kubectl in its PATH.
func Shell(t *testing.T, kubeconfig, bin, line string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+bin+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}
