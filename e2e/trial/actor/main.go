// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command actor is the command of a container: it does what servers do at their start, and
// fails as they do where it may not.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	write := flag.String("write", "", "`files` to write, with a comma in between; without them it ends")
	try := flag.String("try", "", "`files` to write; without them it only says so")
	pid := flag.String("pid", "", "`file` that must not be there, and is then")
	own := flag.String("chown", "", "`file` to write and to give to user 999")
	become := flag.Int("become", 0, "`user` to become, if it is root")
	named := flag.Bool("named", false, "its user must have a name")
	notRoot := flag.Bool("not-root", false, "it must not be root")
	listen := flag.String("listen", "", "`address` to serve at")
	serves := flag.String("serves", "", "`file` that it writes for every request")
	late := flag.String("late", "", "`file` to write after a while")
	after := flag.Duration("after", 0, "how long that is")
	quiet := flag.String("quiet", "", "`file` to write; without it it ends without a word")
	finish := flag.Bool("finish", false, "do its work and end")
	flag.Parse()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)

	if *own != "" {
		must(touch(*own))
		must(os.Chown(*own, 999, 999))
	}
	if *become != 0 && os.Getuid() == 0 {
		must(wrap("setgroups", syscall.Setgroups(nil)))
		must(wrap("setgid", syscall.Setgid(*become)))
		must(wrap("setuid", syscall.Setuid(*become)))
	}
	if *named {
		_, err := user.LookupId(strconv.Itoa(os.Getuid()))
		must(err)
	}
	if *notRoot && os.Getuid() == 0 {
		must(errors.New("must not be started as root"))
	}
	for _, file := range list(*write) {
		must(touch(file))
	}
	for _, file := range list(*try) {
		if err := touch(file); err != nil {
			fmt.Fprintln(os.Stderr, "actor: warning:", err)
		}
	}
	if *pid != "" {
		if _, err := os.Stat(*pid); err == nil {
			must(fmt.Errorf("%s is there already: another instance runs", *pid))
		}
		must(touch(*pid))
	}
	if *quiet != "" && touch(*quiet) != nil {
		os.Exit(1)
	}
	if *finish {
		return
	}
	if *listen != "" {
		go func() {
			must(http.ListenAndServe(*listen, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if *serves != "" {
					if err := touch(*serves); err != nil {
						http.Error(w, err.Error(), http.StatusInternalServerError)
					}
				}
			})))
		}()
	}
	if *late != "" {
		select {
		case <-time.After(*after):
			must(touch(*late))
		case <-signals:
			os.Exit(0)
		}
	}
	<-signals
	if *pid != "" {
		os.Exit(0) // and leaves the file, as what is killed does
	}
}

func touch(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: what, Path: "", Err: err}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "actor:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
