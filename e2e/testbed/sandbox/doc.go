// SPDX-License-Identifier: Apache-2.0

// Command sandbox runs a program as if on a machine of its own, of which nothing is
// left when the program has ended, whatever happens to either of them:
//
//	sandbox program [argument] …
//	go test -exec sandbox ./...
//
// The sandbox has its own processes, network, mounts, IPC, host name and cgroups. Files
// are those of the host, but for /run, which is empty and in memory, with a TMPDIR in it,
// and for /var, to which whatever is written stays in memory. The network is loopback and
// one interface, whose address is in SANDBOX_ADDRESS; nothing leads out of it. One thing
// stays, on a host with cgroups of version 2 alone: the controllers that its root passes
// on to cgroups below it.
//
// SIGHUP, SIGINT, SIGQUIT and SIGTERM go to the program, and its exit code is that of
// sandbox; 128 and the number of the signal if one killed it. The code 125 is that of a
// sandbox that could not be made, and standard error says why.
//
// It needs Linux and root. Three processes work together, each this command, under names
// that ps shows:
//
//	sandbox            makes the cgroups, starts the two others, and passes on signals
//	sandbox: init      process 1 of the sandbox: makes the rest, and takes in orphans
//	sandbox: janitor   removes the cgroups when the first has ended, even by SIGKILL
//
// The kernel does the rest: it kills process 1 with the first, all others with process 1,
// and drops namespaces, with the mounts and interfaces in them, with the last process.
package main

// failed is the exit code when there is no sandbox, and so none of a program.
const failed = 125
