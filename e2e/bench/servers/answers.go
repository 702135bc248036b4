// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const answersFile = "answers.json"

// WriteAnswers has Caseharden answer reviews, each given by the path at which the limit is
// to answer it, and writes the answers to dir: so the limit gives the very same, and the
// distance to it is what Caseharden does to find them.
func WriteAnswers(ctx context.Context, b Binaries, dir string, reviews map[string][]byte) (err error) {
	s, err := StartCaseharden(ctx, b, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	client, err := s.NewClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	answers := map[string][]byte{}
	for path, review := range reviews {
		var answer bytes.Buffer
		if err := Post(ctx, client, "https://"+s.Addr+PathCaseharden, review, &answer); err != nil {
			return fmt.Errorf("the answer for %s: %w", path, err)
		}
		answers[path] = answer.Bytes()
	}
	data, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, answersFile), data, 0o600)
}
