// SPDX-License-Identifier: Apache-2.0

// Package docs tests the documents: every command in them does what is said there, on a
// real API server, and every link, query and manifest is good. Start reading at
// TestDocumentation.
package docs

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

var binary string // of caseharden

func TestMain(m *testing.M) {
	var err error
	if binary, err = webhook.Compile(context.Background(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
