// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"strings"

	"github.com/caseharden/caseharden/internal/shell"
)

// expanded replaces $(NAME) in the words of a manifest's command, as the kubelet does (Expand
// in k8s.io/kubernetes/third_party/forked/golang/expansion). Words that get too long are left
// out from there on: [study.boundless] sees them.
func (s *study) expanded(words []string) []string {
	var all []string
	size := 0
	for _, word := range words {
		if strings.Contains(word, "$") {
			word = s.expand(word)
		}
		all = append(all, word)
		if size += len(word); size > maxCommand {
			break
		}
	}
	return all
}

// maxWord is the longest word that the Linux kernel passes to a program.
const maxWord = 128 << 10

// expand replaces $(NAME) in a word, from left to right, and $$ by $. A word with a value
// that only the cluster knows stands for anything; a name that nothing sets stays.
func (s *study) expand(word string) string {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(word, "$")
		b.WriteString(text)
		switch name, after, closed := strings.Cut(strings.TrimPrefix(rest, "("), ")"); {
		case !found:
			return b.String()
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			word = rest[1:]
		case strings.HasPrefix(rest, "(") && closed:
			value, set := s.c.Env[name]
			switch {
			case value == shell.Anything, !set && s.mayBeSet(name):
				return shell.Anything
			case !set:
				value = "$(" + name + ")"
			}
			if len(value) > maxWord {
				return shell.Anything
			}
			b.WriteString(value)
			word = after
		default:
			b.WriteByte('$')
			word = rest
		}
		if b.Len() > maxWord {
			return shell.Anything
		}
	}
}

// mayBeSet reports whether a variable that the manifest does not show may have a value: of a
// ConfigMap or a Secret, or of a Service.
func (s *study) mayBeSet(name string) bool {
	return s.c.OpenEnv || strings.Contains(name, "_SERVICE_") || strings.Contains(name, "_PORT")
}
