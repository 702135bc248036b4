// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package observe

import (
	"context"
	"errors"
	"io"
	"time"
)

// Run returns an error: only Linux has what it reads.
func Run(context.Context, string, time.Duration, io.Writer) error {
	return errors.New("needs Linux")
}
