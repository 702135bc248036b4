// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/caseharden/caseharden/internal/certtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary the command "caseharden" too, under both its
// names, with the race detector where the tests have it. The scripts run that.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caseharden": main, "kubectl-caseharden": main})
}

// The command line, in testdata/script: what works, and the one sentence on
// stderr where something does not.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *updateScripts,
		Setup: func(env *testscript.Env) error {
			for name, issued := range map[string]certtest.Authority{"a": certtest.New(t), "b": certtest.New(t)} {
				cert, key := issued.Issue(t, certtest.ServerCertificate())
				for file, text := range map[string][]byte{".crt": cert, ".key": key} {
					if err := os.WriteFile(filepath.Join(env.WorkDir, name+file), text, 0o600); err != nil {
						return err
					}
				}
			}
			// A port that somebody else has.
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() { listener.Close() })
			env.Setenv("TAKEN", listener.Addr().String())
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"refused": refused, "exits": exits},
	})
}

var updateScripts = flag.Bool("update", false, "rewrite what scripts in testdata/script compare output with")

// exits runs a command and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command arg...")
	}
	want := "exit status " + args[0]
	if err := ts.Exec(args[1], args[2:]...); err == nil || err.Error() != want {
		ts.Fatalf("%q: %v, want %s", args[1:], err, want)
	}
}

// refused runs "caseharden args[1:]" and demands exit code 1 and stderr exactly
// "caseharden: args[0]".
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused sentence arg...")
	}
	if err := ts.Exec("caseharden", args[1:]...); err == nil || err.Error() != "exit status 1" {
		ts.Fatalf("caseharden %q: %v, want exit status 1", args[1:], err)
	}
	want := fmt.Sprintf("caseharden: %s\n", args[0])
	if got := ts.ReadFile("stderr"); got != want {
		ts.Fatalf("caseharden %q says\n%s want\n%s", args[1:], got, want)
	}
	if got := ts.ReadFile("stdout"); got != "" {
		ts.Fatalf("caseharden %q writes to stdout: %s", args[1:], got)
	}
}
