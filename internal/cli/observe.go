// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/trial/observe"
)

// observeInterval is how often the observer looks.
const observeInterval = 2 * time.Second

// newObserveCommand returns the command of the container that trial --observer-image adds to
// a copy. Nobody types it.
func newObserveCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "observe",
		Short:  "Write where the processes of other containers of this Pod write",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := observe.Run(ctx, "/proc", observeInterval, cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("observe: %w", err)
			}
			return nil
		},
	}
}
