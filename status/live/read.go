// SPDX-License-Identifier: Apache-2.0

package live

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/status"
)

// Options say what to read.
type Options struct {
	Namespace string // empty: all
	Profiles  []profile.File
	Known     func(image string) *evidence.Known
	Logs      bool
	Writes    bool
	Now       time.Time
	Progress  func(what string, done int) // may be nil
}

// fewNamespaces is how many namespaces are read one by one. More are read as one list, of
// which the rest is thrown away.
const fewNamespaces = 30

// A reader reads one cluster.
type reader struct {
	Options
	client *kube.Client
	s      *status.Snapshot
}

// Read reads a cluster. The error says why nothing can be said of it.
func Read(ctx context.Context, client *kube.Client, o Options) (*status.Snapshot, error) {
	r := &reader{Options: o, client: client, s: &status.Snapshot{
		Context: client.Context, Server: client.Server, Now: o.Now, All: o.Namespace == "", Known: o.Known,
	}}
	if r.Progress == nil {
		r.Progress = func(string, int) {}
	}
	if err := r.namespaces(ctx); err != nil {
		return nil, err
	}
	if err := r.webhook(ctx); err != nil {
		return nil, err
	}
	r.s.ApplyDefault()
	if err := r.profiles(ctx); err != nil {
		return nil, err
	}
	r.readPods(ctx)
	r.readWorkloads(ctx)
	r.readFailures(ctx)
	if o.Logs {
		r.readLogs(ctx)
	}
	if o.Writes {
		r.readWrites(ctx)
	}
	return r.s, ctx.Err()
}

// namespaces reads the namespaces. Without them nothing can be said.
func (r *reader) namespaces(ctx context.Context) error {
	if r.Namespace != "" {
		object, err := r.client.Object(ctx, namespaces, "", r.Namespace)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("there is no namespace %s", r.Namespace)
		}
		if err != nil {
			return fmt.Errorf("namespace %s: %w", r.Namespace, err)
		}
		n, err := status.ReadNamespace(object)
		r.s.Namespaces = append(r.s.Namespaces, n)
		return err
	}
	err := r.client.Each(ctx, kube.List{Resource: namespaces, Stale: true}, func(object []byte) error {
		n, err := status.ReadNamespace(object)
		if err == nil {
			r.s.Namespaces = append(r.s.Namespaces, n)
			r.Progress("namespaces", len(r.s.Namespaces))
		}
		return err
	})
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%w: look at one namespace with -n", err)
	}
	return err
}

// asking returns the names of the namespaces that ask for a profile.
func (r *reader) asking() []string {
	var names []string
	for _, n := range r.s.Namespaces {
		if n.Asks() {
			names = append(names, n.Name)
		}
	}
	return names
}

// profiles fills in the profiles: the built-in ones, with those of files, or else those that
// the installation mounts.
func (r *reader) profiles(ctx context.Context) error {
	files := r.Profiles
	if len(files) == 0 && r.s.Webhook != nil && r.s.Webhook.ServiceNamespace != "" {
		files = r.installedProfiles(ctx)
	}
	all, err := profile.Parse(files)
	if err != nil && len(r.Profiles) == 0 {
		r.s.Cannot("profiles of the installation", err, "what the Pods of their namespaces lack")
		all, err = profile.Parse(nil)
	}
	r.s.Profiles = all
	return err
}

// each reads a kind in all namespaces that ask for a profile. What it may not see, it notes.
func (r *reader) each(ctx context.Context, l kube.List, means string, do func(object []byte) error) {
	names := r.asking()
	where := "all namespaces"
	if len(names) > fewNamespaces {
		names = []string{""}
	}
	n := 0
	for _, name := range names {
		l.Namespace = name
		if name != "" {
			where = "namespace " + name
		}
		var unread error // of the first object that is not understood; the others are
		err := r.client.Each(ctx, l, func(object []byte) error {
			n++
			if n%100 == 0 {
				r.Progress(l.Resource.Resource, n)
			}
			if err := do(object); err != nil && unread == nil {
				unread = err
			}
			return ctx.Err()
		})
		if err = cmp.Or(err, unread); err != nil && ctx.Err() == nil {
			r.s.CannotWorkloads(l.Resource.Resource+" in "+where, err, means)
		}
	}
}
