// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/workload"
)

// An entry is one run.
type entry struct {
	App     string           `json:"app"`
	Digest  string           `json:"digest"`
	Variant string           `json:"variant"`
	Outcome workload.Outcome `json:"outcome"`
	// Of the run as it is:
	Written written         `json:"written,omitzero"`
	User    int64           `json:"user,omitempty"` // whom the container starts as
	Live    json.RawMessage `json:"live,omitempty"`
}

// A journal is a file of the runs so far, so that a measurement can be continued.
type journal struct {
	mu    sync.Mutex // guards the following
	file  *os.File
	found map[string]entry
}

func openJournal(name string) (*journal, error) {
	j := &journal{found: map[string]entry{}}
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		j.found[e.key()] = e
	}
	j.file, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return j, err
}

func (e entry) key() string { return e.App + " " + e.Digest + " " + e.Variant }

func (j *journal) get(app catalogue.App, v catalogue.Variant) (entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, found := j.found[entry{App: app.Name, Digest: app.Digest(), Variant: v.String()}.key()]
	return e, found
}

func (j *journal) add(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.found[e.key()] = e
	_, err = j.file.Write(append(line, '\n'))
	return err
}
