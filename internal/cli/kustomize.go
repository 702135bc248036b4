// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"github.com/caseharden/caseharden/preview/manifest"
)

// logPrefix is what kubectl's log puts before an error, such as "E1130 12:00:00.000000  17 run.go:74] ".
var logPrefix = regexp.MustCompile(`(?m)^[EFIW]\d{4} [\d:.]+ +\d+ \S+:\d+\] `)

// kustomize returns what a kustomization makes, as kubectl or kustomize from the PATH
// writes it: the version that the user has is the one that counts.
func kustomize(dir string) (manifest.Input, error) {
	for _, command := range [][]string{{"kubectl", "kustomize", "--", dir}, {"kustomize", "build", "--", dir}} {
		program, err := exec.LookPath(command[0])
		if err != nil {
			continue
		}
		var stdout, stderr bytes.Buffer
		run := exec.Command(program, command[1:]...)
		run.Stdout, run.Stderr = &stdout, &stderr
		if err := run.Run(); err != nil {
			if text := strings.TrimSpace(logPrefix.ReplaceAllString(stderr.String(), "")); text != "" {
				err = errors.New(text)
			}
			return manifest.Input{}, fmt.Errorf("-k %s: %s %s: %w", dir, command[0], command[1], err)
		}
		return manifest.Input{Name: dir, Data: stdout.Bytes()}, nil
	}
	return manifest.Input{}, fmt.Errorf("-k %s: neither kubectl nor kustomize is in the PATH: install one of them", dir)
}
