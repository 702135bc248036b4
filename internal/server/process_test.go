// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what takes milliseconds on a machine
// that has nothing else to do.
const patience = 20 * time.Second

// A process is a running "caseharden serve".
type process struct {
	command           *exec.Cmd
	addr, metricsAddr string
	ended             chan struct{} // closed when it has

	mu  sync.Mutex // guards the following
	log []string   // lines of stderr
}

// builtDir is where builtBinary has put it.
var builtDir string

// builtBinary builds the real command, once: this test binary, with a race
// detector in it, would say nothing about memory.
var builtBinary = sync.OnceValues(func() (string, error) {
	var err error
	if builtDir, err = os.MkdirTemp("", "caseharden-test-"); err != nil {
		return "", err
	}
	path := filepath.Join(builtDir, "caseharden")
	if output, err := exec.Command("go", "build", "-o", path, "github.com/caseharden/caseharden").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the command: %w\n%s", err, output)
	}
	return path, nil
})

// serveBuilt starts the real command.
func serveBuilt(t *testing.T, args ...string) *process {
	t.Helper()
	binary, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, binary, args...)
}

// serveChecked starts this test binary as the command, so that the race detector
// looks at it where it looks at the tests.
func serveChecked(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, "caseharden", args...)
}

// start runs "serve" with the arguments on ports of its own, until the test ends.
func start(t *testing.T, binary string, args ...string) *process {
	t.Helper()
	args = append([]string{"serve", "--addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0", "--log-format=json", "--shutdown-delay=0s"}, args...)
	p := &process{command: exec.Command(binary, args...), ended: make(chan struct{})}
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan struct{})
	go func() {
		defer close(p.ended)
		p.readLog(stderr, serving)
		p.command.Wait() // its ProcessState says the rest
	}()
	t.Cleanup(func() {
		p.command.Process.Kill()
		<-p.ended
		log := p.lines("")
		if strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
			t.Errorf("the server's log:\n%s", log)
		} else if t.Failed() {
			t.Logf("the end of the server's log:\n%s", log[max(0, len(log)-2000):])
		}
	})
	select {
	case <-serving:
	case <-p.ended:
		t.Fatalf("caseharden %q ended: %s", args, p.lines(""))
	case <-time.After(patience):
		t.Fatalf("caseharden %q does not serve: %s", args, p.lines(""))
	}
	return p
}

// readLog takes in the log, and closes serving when it says the addresses.
func (p *process) readLog(stderr io.Reader, serving chan struct{}) {
	scanner := bufio.NewScanner(stderr)
	scanner.Buffer(nil, 64<<20) // the record of a large pod is one line
	for scanner.Scan() {
		var line struct{ Msg, Addr, MetricsAddr string }
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Msg == "serving" {
			p.addr, p.metricsAddr = line.Addr, line.MetricsAddr
			close(serving)
		}
		p.mu.Lock()
		p.log = append(p.log, scanner.Text()[:min(1000, len(scanner.Text()))])
		p.mu.Unlock()
	}
}

// lines returns the lines of the log that contain the text.
func (p *process) lines(text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []string
	for _, line := range p.log {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait returns the state of the process once it has ended.
func (p *process) wait(t *testing.T) *os.ProcessState {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("the process does not end")
	}
	return p.command.ProcessState
}

// probe gets a path of the listener without TLS.
func (p *process) probe(t *testing.T, path string) (code int, body string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + p.metricsAddr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text.String()
}

// eventually tries until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s: not %s", patience, what)
		}
	}
}

// memory returns a figure of /proc/PID/status in MiB: VmRSS is the resident
// memory, VmHWM the most that ever was.
func (p *process) memory(t *testing.T, name string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0 // there is no /proc; the attacks are worth running all the same
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Fatalf("no %s in %s", name, status)
	}
	kb, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}
