// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/poll"
)

// c is the cluster that the tests share.
var c *Cluster

func TestMain(m *testing.M) {
	before, err := traces()
	if err == nil {
		err = interrupt(before)
	}
	if err == nil {
		c, err = Start(context.Background(), Options{Log: os.Stderr})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := stop(before); err != nil {
		fmt.Fprintln(os.Stderr, "stop:", err)
		code = 1
	}
	os.Exit(code)
}

// interrupt has a start interrupted, in the seconds between the control plane and the node,
// and returns an error if it leaves something behind.
func interrupt(before string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log := writer(func(text []byte) {
		if bytes.HasPrefix(text, []byte("control plane ready")) {
			time.AfterFunc(700*time.Millisecond, cancel)
		}
	})
	interrupted, err := Start(ctx, Options{Log: log})
	if err == nil {
		return errors.Join(errors.New("a start that is interrupted succeeds"), interrupted.Stop())
	}
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return nothingLeft(before)
}

type writer func([]byte)

func (w writer) Write(text []byte) (int, error) {
	w(text)
	return len(text), nil
}

// stop stops the cluster in the midst of its work, and returns an error if it leaves
// something behind: whatever is running in it, or about to.
func stop(before string) error {
	if err := startMany(context.Background()); err != nil {
		return err
	}
	begun := time.Now()
	if err := c.Stop(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "stopped after %s\n", time.Since(begun).Round(100*time.Millisecond))
	return nothingLeft(before)
}

// startMany returns when the first of many containers runs, while the others are being
// started.
func startMany(ctx context.Context) error {
	const ns = "many"
	if err := c.CreateNamespace(ctx, ns, nil); err != nil {
		return err
	}
	if _, err := c.Kubectl(ctx, strings.NewReader(""), "create", "deployment", "many", "--namespace="+ns, "--replicas=20", "--image="+ProbeName); err != nil {
		return err
	}
	return poll.Within(ctx, soon, "a container to run", func() error {
		pods, err := c.Client().CoreV1().Pods(ns).List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Running"})
		if err == nil && len(pods.Items) == 0 {
			err = errors.New("none does")
		}
		return err
	})
}

func nothingLeft(before string) error {
	return poll.Within(context.Background(), soon, "nothing to be left", func() error {
		after, err := traces()
		if err == nil && after != before {
			err = fmt.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		return err
	})
}

// namespace creates a namespace for a test.
func namespace(t *testing.T) string {
	t.Helper()
	return bedtest.Namespace(t, c, strings.ToLower(t.Name()), nil)
}
