// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
)

// The oracle is debug/elf, on the programs and libraries of this machine.
func TestInterpreterOfELF(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{executable}
	for _, pattern := range []string{"/usr/bin/*", "/usr/sbin/*", "/usr/lib/*/*.so.*"} {
		found, _ := filepath.Glob(pattern)
		names = append(names, found[:min(len(found), 200)]...)
	}
	interpreters := 0
	for _, name := range names {
		f, err := elf.Open(name)
		if err != nil {
			continue
		}
		want := ""
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				data, err := io.ReadAll(p.Open())
				if err != nil {
					t.Fatal(err)
				}
				want = strings.TrimRight(string(data), "\x00")
				interpreters++
			}
		}
		f.Close()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := elfInterpreter(data[:min(512, len(data))], bytes.NewReader(data[min(512, len(data)):]))
		if err != nil || got != want {
			t.Errorf("%s: interpreter %q, %v, want %q", name, got, err, want)
		}
	}
	t.Logf("%d files, %d interpreters", len(names), interpreters)
}

// An interpreter may be named far behind the beginning, as patchelf does it.
func TestInterpreterFarAway(t *testing.T) {
	program := make([]byte, 1<<20)
	copy(program, "\x7fELF\x02\x01\x01")
	program[32], program[54], program[56] = 64, 56, 1 // one program header, at 64
	program[64] = 3
	program[72+1], program[72+2] = 0x10, 0x08 // at 0x81000
	program[96] = 7
	copy(program[0x81000:], "/lib/ld")
	got, err := elfInterpreter(program[:512], bytes.NewReader(program[512:]))
	if got != "/lib/ld" || err != nil {
		t.Errorf("interpreter %q, %v", got, err)
	}
}

func TestContents(t *testing.T) {
	shell, python := "#!/bin/sh\n:\n", "#!/usr/bin/python3\n"+strings.Repeat("x", 1000)
	for _, c := range []struct {
		name    string
		mode    int64
		content string
		want    int // bytes; -1 is not known
	}{
		{"etc/passwd", 0o644, "root:x:0:0::/:\n", 15},
		{"opt/start", 0o644, shell, len(shell)},
		{"opt/start", 0o755, "#!/usr/bin/env -S bash -e\n" + strings.Repeat("y", 60_000), 60_026},
		{"opt/start", 0o755, "#!/bin/sh\n" + strings.Repeat("y", maxScript), maxHead},
		{"usr/share/x", 0o755, shell, len(shell)},
		{"usr/share/x", 0o755, shell + strings.Repeat("#", 1000), maxHead},
		{"usr/bin/tool", 0o755, python, maxHead},
		{"usr/bin/tool", 0o644, python, maxHead},
		{"usr/bin/no-shebang", 0o755, "exec true\n", 10},
		{"usr/bin/binary", 0o755, "\x00\x01\x02", 3},
		{"usr/lib/libx.so", 0o644, "\x7fELF\x02", -1},
		{"etc/nginx/nginx.conf", 0o644, "pid /run/nginx.pid;\n", 20},
		{"etc/big.conf", 0o644, strings.Repeat("a", maxSettings+1), -1},
		{"etc/secret.conf", 0o644, "a\x00b", -1},
		{"usr/lib/node/x.yaml", 0o644, "a: b\n", -1},
		{"usr/local/etc/php.ini", 0o644, "a=b\n", 4},
		{"conf/redis.conf", 0o644, "dir /data\n", 10},
		{"data/blob.bin", 0o644, "abc", -1},
		{"empty", 0o644, "", 0},
	} {
		index, err := Read(t.Context(), bytes.NewReader(archive(t, regular(c.name, c.mode, c.content))), nil)
		if err != nil {
			t.Fatal(err)
		}
		e := entries(index)[0]
		got := len(e.Content)
		if !e.HasContent {
			got = -1
		}
		if got != c.want || e.Content != c.content[:len(e.Content)] {
			t.Errorf("%s, mode %o, %d bytes: %d are kept, want %d", c.name, c.mode, len(c.content), got, c.want)
		}
	}
}

// All contents of a layer together are bounded.
func TestContentsBound(t *testing.T) {
	var files []file
	for range 100 {
		files = append(files, regular("x", 0o755, "#!/bin/sh\n"+strings.Repeat("y", 120<<10)))
	}
	index, err := Read(t.Context(), bytes.NewReader(archive(t, files...)), nil)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for e := range index.Entries() {
		total += len(e.Content)
	}
	if total != maxContents {
		t.Errorf("%d bytes are kept, want %d", total, maxContents)
	}
}

func TestShebang(t *testing.T) {
	for line, want := range map[string]string{
		"#!/bin/sh\n": "/bin/sh", "#! /bin/sh -e\n": "/bin/sh", "#!\t/usr/bin/env\tbash": "/usr/bin/env", "#!\n": "", "#!/bin/sh\r\n": "/bin/sh",
	} {
		if got := shebang([]byte(line)); got != want {
			t.Errorf("shebang(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	const v3 = "\x01\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"
	for attribute, want := range map[string]*evidence.FileCapabilities{
		netBindService:               {Permitted: []string{"NET_BIND_SERVICE"}, Effective: true},
		v3 + "\x00\x00\x00\x00":      {Permitted: []string{"NET_BIND_SERVICE", "BPF"}, Effective: true},
		v3 + "\x01\x00\x00\x00":      nil, // of another user namespace
		"":                           nil,
		"\x01\x00\x00\x02":           nil,
		"\x00\x00\x00\x09" + "12345": nil,
	} {
		got := Capabilities(attribute)
		if (got == nil) != (want == nil) || got != nil &&
			(!slices.Equal(got.Permitted, want.Permitted) || !slices.Equal(got.Inheritable, want.Inheritable) || got.Effective != want.Effective) {
			t.Errorf("Capabilities(%q) = %+v, want %+v", attribute, got, want)
		}
	}
}
