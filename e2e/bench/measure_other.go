// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"context"
	"errors"

	"github.com/caseharden/caseharden/e2e/bench/report"
)

func measure(context.Context, string, int) (*report.Report, error) {
	return nil, errors.New("measuring needs Linux, which tells the processor time of a child; --from FILE works anywhere")
}
