// SPDX-License-Identifier: Apache-2.0

package process

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// TestUsage compares what is told of a process that computes with what is told of
// one that sleeps.
func TestUsage(t *testing.T) {
	start := func(script string) *Process {
		p, err := Start("sh", filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c", script)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		return p
	}
	cpu := func(p *Process) time.Duration {
		d, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	busy, idle := start("while :; do :; done"), start("exec /bin/sleep 60")
	bedtest.Soon(t, "half a second of processor time", func() bool { return cpu(busy) > 500*time.Millisecond })
	if used := cpu(idle); used > 100*time.Millisecond {
		t.Errorf("a process that sleeps has used %s of processor time", used)
	}

	const held = 20_000_000
	big := start(`x=$(/usr/bin/head -c 20000000 /dev/zero | /usr/bin/tr '\0' x); x=; echo freed; while :; do /bin/sleep 1; done`)
	bedtest.Soon(t, "what it held to be freed", func() bool { return big.LogTail() == "freed" })
	memory := func() Memory {
		m, err := big.Memory()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := memory(); m.Peak < held || m.Now >= held {
		t.Errorf("after 20 MB were held and freed, the peak is %d bytes, and %d are in memory", m.Peak, m.Now)
	}
	if err := big.ResetPeak(); err != nil {
		t.Fatal(err)
	}
	if m := memory(); m.Peak >= held {
		t.Errorf("the peak is still %d bytes after it was reset", m.Peak)
	}
}
