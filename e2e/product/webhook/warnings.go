// SPDX-License-Identifier: Apache-2.0

package webhook

import "sync"

// Warnings collects what the API server warns a client of: it is for the
// WarningHandler of a rest.Config.
type Warnings struct {
	mu  sync.Mutex // guards the following
	all []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *Warnings) HandleWarningHeader(_ int, _ string, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, message)
}

// Take returns the warnings since the last call.
func (w *Warnings) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}
