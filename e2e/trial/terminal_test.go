// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A terminal is a pseudoterminal on which a command runs, in a session of its own: what is
// typed goes through the kernel's line discipline, as at a real one.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan struct{} // closed when all output is read

	mu     sync.Mutex // guards the following
	output string
}

// onTerminal starts a trial without --yes.
func onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(append([]string{"trial"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	_ = slave.Close()
	term := &terminal{t: t, master: master, cmd: cmd, ended: make(chan struct{})}
	go term.read()
	return term
}

// read reads until the command has closed the terminal.
func (term *terminal) read() {
	defer close(term.ended)
	buffer := make([]byte, 4096)
	for {
		n, err := term.master.Read(buffer)
		term.mu.Lock()
		term.output += string(buffer[:n])
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.output
}

// shows waits until a text was shown.
func (term *terminal) shows(what string) {
	term.t.Helper()
	pattern := regexp.MustCompile(what)
	bedtest.Within(term.t, 3*time.Minute, what+" on the terminal", func() error {
		if !pattern.MatchString(term.text()) {
			return errors.New("not yet")
		}
		return nil
	})
}

func (term *terminal) types(keys string) {
	term.t.Helper()
	if _, err := term.master.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// ends waits for the end of the command, and returns its exit code.
func (term *terminal) ends() int {
	term.t.Helper()
	select {
	case <-term.ended:
	case <-time.After(3 * time.Minute):
		term.t.Fatalf("does not end:\n%s", term.text())
	}
	_ = term.cmd.Wait()
	term.t.Logf("exit code %d\n%s", term.cmd.ProcessState.ExitCode(), term.text())
	return term.cmd.ProcessState.ExitCode()
}

// ctrlC is the key that the line discipline turns into SIGINT.
const ctrlC = "\x03"

// On a terminal the trial asks, shows each copy that runs on a line of its own, and removes
// these lines when they are no longer true.
func TestOnATerminal(t *testing.T) {
	t.Parallel()
	ns := application(t, "terminal", needsTmp)
	term := onTerminal(t, "deployment/app", "-n", ns, "--hold=5s")
	term.shows(`Run it\? \[y/N\] $`)
	if names := left(t, ns); len(names) > 0 {
		t.Errorf("before it asks there are copies: %q", names)
	}
	term.types("y\n")
	if code := term.ends(); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	most, screen := screenOf(term.text())
	if most < 2 || most > 4 {
		t.Errorf("at most %d copies were shown as running, want 2 to 4", most)
	}
	for _, line := range screen {
		if strings.HasPrefix(line, "  running ") {
			t.Errorf("at the end the screen still has %q", line)
		}
	}
	if text := strings.Join(screen, "\n"); !strings.Contains(text, "  breaks       all settings") || !strings.Contains(text, "exceptions are needed") {
		t.Errorf("the screen at the end:\n%s", text)
	}
	other := onTerminal(t, "deployment/app", "-n", ns)
	other.shows(`Run it\?`)
	other.types("n\n")
	if code := other.ends(); code != 1 || !strings.Contains(other.text(), "nothing was run") {
		t.Errorf("after no: exit code %d, want 1", code)
	}
}

var escape = regexp.MustCompile(`\x1b\[(\d*)([A-Za-z])`)

// screenOf returns what a terminal shows at the end, and the most lines of copies that run
// which it showed at any time. It knows what the progress uses: up, and erase below.
func screenOf(output string) (most int, screen []string) {
	row := 0
	write := func(text string) {
		for i, line := range strings.Split(strings.ReplaceAll(text, "\r", ""), "\n") {
			if i > 0 {
				row++
			}
			for len(screen) <= row {
				screen = append(screen, "")
			}
			screen[row] += line
		}
	}
	running := func() (n int) {
		for _, line := range screen {
			if strings.HasPrefix(line, "  running ") {
				n++
			}
		}
		return n
	}
	for {
		at := escape.FindStringSubmatchIndex(output)
		if at == nil {
			write(output)
			return max(most, running()), screen
		}
		write(output[:at[0]])
		most = max(most, running())
		switch n, _ := strconv.Atoi(output[at[2]:at[3]]); output[at[4]:at[5]] {
		case "A":
			row -= n
		case "J":
			screen = append(screen[:row:row], "")
		}
		output = output[at[1]:]
	}
}

// Ctrl-C at each stage: the command says what it knows, and nothing is left.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	for stage, shows := range map[string]string{
		"asking":  `Run it\?`,
		"control": `running +as it is`,
		"search":  `running +(without|writable)`,
		"proof":   `running +proof, killed once`,
	} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			ns := application(t, "ctrl-c-"+stage, needsTmp)
			term := onTerminal(t, "deployment/app", "-n", ns)
			term.shows(`Run it\?`)
			want, says := 1, "nothing was run"
			if stage != "asking" {
				want, says = 3, "interrupted"
				term.types("y\n")
				term.shows(shows)
			}
			term.types(ctrlC)
			if code := term.ends(); code != want || !strings.Contains(term.text(), says) {
				t.Errorf("exit code %d, want %d and %q", code, want, says)
			}
			if names := left(t, ns); len(names) > 0 {
				t.Errorf("left behind: %q", names)
			}
		})
	}
}
