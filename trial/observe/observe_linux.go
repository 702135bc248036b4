// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxFiles bounds what is looked at in one root file system.
const maxFiles = 200_000

// Run writes a [Line] for every file that other processes' containers make or change, until
// the context ends. The directory proc is /proc.
func Run(ctx context.Context, proc string, interval time.Duration, w io.Writer) error {
	boot, err := bootTime(proc)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	seen := map[Line]bool{}
	for {
		for _, p := range processes(proc, boot) {
			for _, l := range p.changes() {
				if seen[l] {
					continue
				}
				seen[l] = true
				if err := out.Encode(l); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
	}
}

// A process is one of another container.
type process struct {
	root      string // its root file system
	container string
	device    uint64
	begun     time.Time
}

var containerID = regexp.MustCompile(`[0-9a-f]{64}`)

// processes returns one process for each root file system that is not the observer's own,
// the one that began first.
func processes(proc string, boot time.Time) []process {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil
	}
	own, _ := os.Stat("/")
	byRoot := map[[2]uint64]process{}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		p := process{root: filepath.Join(proc, e.Name(), "root")}
		info, err := os.Stat(p.root + "/")
		if err != nil || own != nil && os.SameFile(own, info) {
			continue // of another user, or the observer's own
		}
		stat := info.Sys().(*syscall.Stat_t)
		p.device = uint64(stat.Dev)
		if p.begun, err = begun(filepath.Join(proc, e.Name(), "stat"), boot); err != nil {
			continue
		}
		if cgroup, err := os.ReadFile(filepath.Join(proc, e.Name(), "cgroup")); err == nil {
			p.container = string(containerID.Find(cgroup))
		}
		key := [2]uint64{p.device, stat.Ino}
		if first, found := byRoot[key]; !found || p.begun.Before(first.begun) {
			byRoot[key] = p
		}
	}
	var all []process
	for _, p := range byRoot {
		all = append(all, p)
	}
	return all
}

// changes returns the files in the root file system that are newer than the process.
func (p process) changes() []Line {
	var lines []Line
	files := 0
	// What cannot be read is not walked, and what has gone meanwhile is not there.
	_ = filepath.WalkDir(p.root+"/", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if files++; files > maxFiles {
			return fs.SkipAll
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		stat := info.Sys().(*syscall.Stat_t)
		if uint64(stat.Dev) != p.device {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if changed := time.Unix(stat.Ctim.Unix()); changed.After(p.begun) {
			if inside := "/" + strings.TrimPrefix(strings.TrimPrefix(path, p.root), "/"); inside != "/" {
				lines = append(lines, Line{Container: p.container, Path: inside, Directory: d.IsDir()})
			}
		}
		return nil
	})
	return lines
}

// bootTime reads when the machine started.
func bootTime(proc string) (time.Time, error) {
	text, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(text)) {
		if seconds, found := strings.CutPrefix(line, "btime "); found {
			n, err := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64)
			return time.Unix(n, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("%s/stat: has no btime", proc)
}

// begun reads when a process began, from its /proc/PID/stat.
func begun(file string, boot time.Time) (time.Time, error) {
	const ticksPerSecond = 100 // USER_HZ, the same on all architectures that Go runs on
	const startTime = 22 - 3   // field 22; the fields after the name begin with the third
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	// The name, in parentheses, may hold anything.
	_, rest, found := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	if !found || len(fields) <= startTime {
		return time.Time{}, errors.New("is no stat of a process")
	}
	ticks, err := strconv.ParseInt(fields[startTime], 10, 64)
	return boot.Add(time.Duration(ticks) * time.Second / ticksPerSecond), err
}
