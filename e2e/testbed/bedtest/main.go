// SPDX-License-Identifier: Apache-2.0

package bedtest

import (
	"context"
	"fmt"
	"os"
)

// Main runs the tests of a package and ends the process. run makes what they share, calls
// testing.M.Run, and removes what it made: its deferred calls run before the process ends.
func Main(run func(ctx context.Context) (code int, err error)) {
	code, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
