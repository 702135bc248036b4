// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// waitReady waits until check returns nil. The error is an errPortTaken if that
// is why the process ended.
func waitReady(ctx context.Context, p *process.Process, check func(context.Context) error) error {
	err := p.WaitReady(ctx, check)
	if err != nil && p.Exited() && portTaken(p.LogTail()) {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return err
}

// getOK gets url and returns an error unless the answer is 200.
func getOK(ctx context.Context, client *http.Client, url string) error {
	// An attempt that hangs must not use up the time of all.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.500s", url, response.Status, body)
	}
	return nil
}
