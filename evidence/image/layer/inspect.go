// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"bytes"
	"io"
	"path"
	"strings"
)

// inspect reads as much of a regular file as is kept of it:
//
//	/etc/passwd and /etc/group        content
//	#! and a shell, outside of share  content, and the interpreter
//	#! and another program            first bytes, and the interpreter
//	ELF that can be executed          first bytes, and the interpreter that PT_INTERP names
//	text that can be executed         content
//	settings (see isSettings)         content
func (b *builder) inspect(e *Entry, r io.Reader) error {
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if err != nil && n < int(min(e.Size, int64(len(head)))) {
		return err
	}
	head = head[:n]
	executable := e.Mode&0o111 != 0
	keep := int64(0) // of the file
	switch {
	case e.Path == "etc/passwd" || e.Path == "etc/group":
		keep = maxAccounts
	case bytes.HasPrefix(head, []byte("#!")):
		e.Interpreter = shebang(head)
		if keep = maxHead; isShell(head) && !strings.HasPrefix(e.Path, "usr/share/") && e.Size <= maxScript {
			keep = maxScript
		}
	case executable && bytes.HasPrefix(head, []byte("\x7fELF")):
		keep = elfHead
		if e.Interpreter, err = elfInterpreter(head, r); err != nil {
			return err
		}
	case executable && isText(head) && e.Size <= maxScript:
		keep = maxScript
	case executable:
		keep = maxHead
	case isSettings(e.Path) && isText(head) && e.Size <= maxSettings:
		keep = maxSettings
	}
	keep = min(keep, e.Size, int64(maxContents-b.contents))
	if keep <= 0 {
		// An empty file is known to be empty.
		e.HasContent = e.Size == 0
		return nil
	}
	content := head[:min(keep, int64(len(head)))]
	if rest := keep - int64(len(content)); rest > 0 {
		content = append(make([]byte, 0, keep), content...)[:keep]
		if _, err := io.ReadFull(r, content[keep-rest:]); err != nil {
			return err
		}
	}
	b.contents += len(content)
	e.Content, e.HasContent = string(content), true
	return nil
}

// shebang returns the program that a #! line names, as the kernel reads it.
func shebang(head []byte) string {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	program, _, _ := strings.Cut(strings.Trim(string(line), " \t\r"), " ")
	program, _, _ = strings.Cut(program, "\t")
	return program
}

// isShell reports whether a #! line leads to a shell, also by env.
func isShell(head []byte) bool {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	for _, word := range strings.Fields(string(line)) {
		switch path.Base(word) {
		case "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox", "execlineb", "with-contenv":
			return true
		}
	}
	return false
}

// isText reports whether the beginning of a file looks like text.
func isText(head []byte) bool { return len(head) > 0 && bytes.IndexByte(head, 0) < 0 }

// isSettings reports whether a path looks like that of a file from which a server learns where
// it writes, or one that an entrypoint includes.
func isSettings(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "usr":
		if !strings.HasPrefix(name, "usr/local/") || strings.HasPrefix(name, "usr/local/lib/") || strings.HasPrefix(name, "usr/local/share/") {
			return false
		}
	case "lib", "lib64", "bin", "sbin", "dev", "proc", "sys", "boot", "tmp":
		return false
	}
	switch path.Ext(name) {
	case ".conf", ".cnf", ".cfg", ".ini", ".toml", ".yaml", ".yml", ".properties", ".env", ".envsh", ".sh", ".config":
		return true
	}
	return top == "etc" && path.Ext(name) == ""
}
