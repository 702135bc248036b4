// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time that the process has used so far, in user and
// system mode, of all its threads; to the nanosecond, where /proc/PID/stat counts
// in hundredths of a second.
func (p *Process) CPU() (time.Duration, error) {
	// MAKE_PROCESS_CPUCLOCK of include/linux/posix-timers_types.h, CPUCLOCK_SCHED:
	// what clock_getcpuclockid(3) returns.
	clock := int32(^p.PID())<<3 | 2
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("%s: processor time: %w", p.name, err)
	}
	return time.Duration(t.Nano()), nil
}

// Memory is the resident set of a process, in bytes.
type Memory struct {
	Now  int64
	Peak int64 // since its start, or since ResetPeak
}

// Memory reads what the process has in memory.
func (p *Process) Memory() (Memory, error) {
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return Memory{}, fmt.Errorf("%s: memory: %w", p.name, err)
	}
	var m Memory
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			m.Now, err = kilobytes(value)
		case "VmHWM":
			m.Peak, err = kilobytes(value)
		}
		if err != nil {
			return Memory{}, fmt.Errorf("%s: memory: %w", p.name, err)
		}
	}
	return m, nil
}

func kilobytes(value string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
	return n << 10, err
}

// ResetPeak has the peak of the memory start again from what it is now.
func (p *Process) ResetPeak() error {
	if err := os.WriteFile(p.proc("clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("%s: peak of the memory: %w", p.name, err)
	}
	return nil
}

func (p *Process) proc(file string) string { return fmt.Sprintf("/proc/%d/%s", p.PID(), file) }
