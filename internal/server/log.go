// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/mutate"
)

// What the log repeats of a request is bounded: a body may have 7 MiB of names.
const (
	maxLogged = 253 // the longest name of a pod

	// maxRecord is how long one of the two records of a review is in the log. That is
	// enough for some 60 containers that get all of a profile with six settings.
	maxRecord = 8 << 10
)

// logFailure writes the line of a request that gets no review for an answer.
func (h *Handler) logFailure(r *http.Request, f *failure) {
	level := slog.LevelWarn
	if f.panicked != nil {
		level = slog.LevelError
	}
	h.logger.LogAttrs(r.Context(), level, "admission review failed", append([]slog.Attr{
		slog.Int("code", f.code), slog.String("error", f.sentence),
		slog.String("path", text.Shorten(r.URL.Path, maxLogged)), slog.String("remote", r.RemoteAddr),
	}, f.panicked...)...)
}

// log writes the line of a review: at Info where a default was injected or skipped, since
// only that deserves attention.
func (h *Handler) log(ctx context.Context, review *mutate.Review, answer *mutate.Answer) {
	level := slog.LevelDebug
	if answer.Injected != nil || answer.Skipped != nil {
		level = slog.LevelInfo
	}
	if !h.logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs,
		slog.String("uid", text.Shorten(string(review.UID), maxLogged)), slog.String("mode", string(review.Mode)),
		slog.String("namespace", text.Shorten(review.Namespace, maxLogged)), slog.Bool("dryRun", review.DryRun))
	if kind, name, owner := review.About(); kind != "" {
		attrs = append(attrs, slog.String("kind", kind), slog.String("name", text.Shorten(name, maxLogged)))
		if owner.Kind != "" {
			attrs = append(attrs, slog.GroupAttrs("owner",
				slog.String("kind", text.Shorten(owner.Kind, maxLogged)), slog.String("name", text.Shorten(owner.Name, maxLogged))))
		}
	}
	if answer.Injected != nil {
		attrs = append(attrs, loggedInjected(review, answer.Injected))
	}
	if answer.Skipped != nil {
		attrs = append(attrs, loggedSkipped(review, answer.Skipped))
	}
	h.logger.LogAttrs(ctx, level, "review", attrs...)
}

// loggedInjected returns the record as a group of attributes, so that a log in JSON has it
// as an object. One that is too long has only the first of the containers, and says how
// many it leaves out.
func loggedInjected(review *mutate.Review, in *mutate.Injected) slog.Attr {
	room := budget(maxRecord)
	logged := make([]slog.Attr, 0, min(len(in.Containers), 8))
	var writable []slog.Attr
	for _, c := range review.Containers() {
		fields, found := in.Containers[c.Name]
		if !found {
			continue
		}
		name, paths := text.Shorten(c.Name, mutate.MaxContainerName), in.WritablePaths[c.Name]
		if !room.spend(name, fields, paths) {
			break
		}
		logged = append(logged, slog.Any(name, loggedList(fields)))
		if len(paths) > 0 {
			writable = append(writable, slog.Any(name, loggedList(paths)))
		}
	}
	attrs := append(make([]slog.Attr, 0, 5), slog.String("profile", in.Profile), slog.GroupAttrs("containers", logged...))
	if len(in.Pod) > 0 {
		attrs = append(attrs, slog.Any("pod", loggedList(in.Pod)))
	}
	if len(writable) > 0 {
		attrs = append(attrs, slog.GroupAttrs("writablePaths", writable...))
	}
	return slog.GroupAttrs(mutate.InjectedKey(review.Mode), appendLeftOut(attrs, len(in.Containers)-len(logged))...)
}

// loggedSkipped returns the record as [loggedInjected] does.
func loggedSkipped(review *mutate.Review, out *mutate.Skipped) slog.Attr {
	room := budget(maxRecord)
	logged := make([]slog.Attr, 0, min(len(out.Containers), 8))
	for _, c := range review.Containers() {
		reasons, found := out.Containers[c.Name]
		if !found {
			continue
		}
		name, fields := text.Shorten(c.Name, mutate.MaxContainerName), slices.Sorted(maps.Keys(reasons))
		if !room.spend(name, fields, slices.Collect(maps.Values(reasons))) {
			break
		}
		logged = append(logged, byField(name, fields, reasons))
	}
	attrs := append(make([]slog.Attr, 0, 4), slog.String("profile", out.Profile), slog.GroupAttrs("containers", logged...))
	if len(out.Pod) > 0 {
		attrs = append(attrs, byField("pod", slices.Sorted(maps.Keys(out.Pod)), out.Pod))
	}
	return slog.GroupAttrs("skipped", appendLeftOut(attrs, len(out.Containers)-len(logged))...)
}

// A loggedList is a list. A log in JSON shows it as an array, and a log in text as a word
// with commas.
type loggedList []string

// String returns the list for a log in text, in half the time that package fmt takes.
func (l loggedList) String() string { return strings.Join(l, ",") }

// byField returns the reasons of fields as a group, in the order of the fields.
func byField(key string, fields []string, reasons map[string]string) slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for _, field := range fields {
		attrs = append(attrs, slog.String(field, reasons[field]))
	}
	return slog.GroupAttrs(key, attrs...)
}

func appendLeftOut(attrs []slog.Attr, containers int) []slog.Attr {
	if containers > 0 {
		attrs = append(attrs, slog.Int("containersLeftOut", containers))
	}
	return attrs
}

// budget is how many bytes of a record a line may still have.
type budget int

// spend takes what a container needs from the budget, and reports whether that was enough.
func (b *budget) spend(name string, lists ...[]string) bool {
	const around = len("would-inject.containers.= ") // in the text format
	var quoted [8 * mutate.MaxContainerName]byte
	size := around + len(strconv.AppendQuote(quoted[:0], name))
	for _, list := range lists {
		for _, text := range list {
			size += len(text) + len(`"",`)
		}
	}
	*b -= budget(size)
	return *b >= 0
}
