// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A program is one that a command runs, with the words after it.
type program struct {
	Name string // without its directory
	Args []string
}

var (
	onlyExecutable = regexp.MustCompile(`^[ugoa]*\+x$`)
	isAssignment   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	hasScript      = regexp.MustCompile(`^-[a-zA-Z]*c$`) // -c, -ec, -lc
)

var shells = []string{"sh", "bash", "ash", "dash", "ksh", "zsh"}

// needsRoot leaves out how programs that mostly need root are used without.
func (p program) needsRoot() bool {
	switch p.Name {
	case "chmod":
		// A script does this to files of its own.
		return !slices.ContainsFunc(p.Args, onlyExecutable.MatchString)
	case "mount", "sysctl", "iptables", "nft", "ipset":
		return len(p.Args) > 0 // else it lists
	}
	return true
}

// programs finds out what a command line runs, as far as that can be told: the
// program itself, and if that is a shell with -c, the programs of its script.
// Without a command the arguments go to the image's entrypoint, which often is a
// shell or runs them.
func programs(line []string, hasCommand bool) []program {
	if len(line) == 0 {
		return nil
	}
	name, args := path.Base(line[0]), line[1:]
	switch {
	case name == "busybox" || name == "env" || name == "tini" || name == "dumb-init":
		for len(args) > 0 && (strings.HasPrefix(args[0], "-") || isAssignment.MatchString(args[0])) {
			args = args[1:]
		}
		return programs(args, true)
	case !hasCommand && hasScript.MatchString(line[0]):
		args = line
	case !slices.Contains(shells, name):
		return []program{{Name: name, Args: args}}
	}
	if i := slices.IndexFunc(args, hasScript.MatchString); i >= 0 && i+1 < len(args) {
		return scriptPrograms(args[i+1])
	}
	return nil
}

// Words after which a shell expects a command.
var beforeCommand = []string{"if", "then", "elif", "else", "while", "until", "do", "!", "{", "exec", "time", "command", "nohup", "sudo", "env"}

// scriptPrograms lists the programs of a shell script. It knows quotes, comments
// and here-documents, so that text is not taken for commands, and no more: what
// it cannot see, such as a script in a file, it does not report.
func scriptPrograms(script string) []program {
	var found []program
	expectCommand := true
	for _, token := range shellTokens(script) {
		switch {
		case token.operator:
			expectCommand = true
		case expectCommand && isAssignment.MatchString(token.text):
		case expectCommand:
			name := path.Base(token.text)
			found = append(found, program{Name: name})
			expectCommand = slices.Contains(beforeCommand, name)
		default:
			last := &found[len(found)-1]
			last.Args = append(last.Args, token.text)
		}
	}
	return found
}

type shellToken struct {
	text     string
	operator bool // it ends a command: ; & | ( ) or the end of a line
}

func shellTokens(script string) []shellToken {
	var (
		tokens []shellToken
		word   strings.Builder
		inWord bool
		ends   []string // of the here-documents that begin with the next line
	)
	endWord := func() {
		if !inWord {
			return
		}
		if n := len(tokens); n > 0 && tokens[n-1].text == "<<" && !tokens[n-1].operator {
			ends = append(ends, strings.TrimPrefix(word.String(), "-"))
			tokens = tokens[:n-1]
		} else {
			tokens = append(tokens, shellToken{text: word.String()})
		}
		word.Reset()
		inWord = false
	}
	for i := 0; i < len(script); i++ {
		switch b := script[i]; {
		case b == '\\' && i+1 < len(script):
			i++
			if script[i] != '\n' { // else the line goes on
				word.WriteByte(script[i])
				inWord = true
			}
		case b == '\'' || b == '"':
			inWord = true
			for i++; i < len(script) && script[i] != b; i++ {
				if b == '"' && script[i] == '\\' && i+1 < len(script) {
					i++
				}
				word.WriteByte(script[i])
			}
		case b == '#' && !inWord:
			for i+1 < len(script) && script[i+1] != '\n' {
				i++
			}
		case strings.HasPrefix(script[i:], "<<") && !strings.HasPrefix(script[i:], "<<<"):
			endWord()
			tokens = append(tokens, shellToken{text: "<<"})
			i++
		case strings.HasPrefix(script[i:], "<<<"):
			endWord()
			i += 2
		case b == '&' && i > 0 && (script[i-1] == '>' || script[i-1] == '<'):
			word.WriteByte(b) // 2>&1
			inWord = true
		case b == '\n':
			endWord()
			tokens = append(tokens, shellToken{operator: true})
			i = skipHereDocuments(script, i, ends)
			ends = nil
		case strings.IndexByte(";&|()`", b) >= 0:
			endWord()
			tokens = append(tokens, shellToken{operator: true})
		case b == ' ' || b == '\t' || b == '\r':
			endWord()
		default:
			word.WriteByte(b)
			inWord = true
		}
	}
	endWord()
	return tokens
}

// skipHereDocuments returns the end of the last line of the here-documents that
// follow the line break at i.
func skipHereDocuments(script string, i int, ends []string) int {
	for _, end := range ends {
		for i+1 < len(script) {
			line, _, _ := strings.Cut(script[i+1:], "\n")
			i += 1 + len(line)
			if strings.TrimLeft(line, "\t ") == end {
				break
			}
		}
	}
	return i
}
