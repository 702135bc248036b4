// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// StartManaged runs binary with flags for its certificates, from files or made by itself,
// and returns when it says where it serves, which may be before it has one: see Ready. Its
// files go to dir, which no other Webhook may use, nor may this one when it is started
// again. The caller must call Stop or Kill.
func StartManaged(ctx context.Context, binary, dir string, flags ...string) (*Webhook, error) {
	w := &Webhook{LogFile: filepath.Join(dir, "caseharden.log")}
	args := append([]string{
		"serve", "--addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0", "--log-format=json", "--shutdown-delay=0s",
	}, flags...)
	var err error
	if w.process, err = process.Start("caseharden", w.LogFile, binary, args...); err != nil {
		return nil, err
	}
	if err := w.process.WaitReady(ctx, func(context.Context) error { return w.readAddresses() }); err != nil {
		w.process.Kill()
		return nil, err
	}
	return w, nil
}

// Ready asks the process whether it is ready; its answer is the error if it is not.
func (w *Webhook) Ready(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.MetricsAddr+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(body)))
	}
	return nil
}

// Process is that of the webhook, for who ends or suspends it.
func (w *Webhook) Process() *process.Process { return w.process }
