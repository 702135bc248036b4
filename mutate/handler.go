// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
)

// A Handler answers AdmissionReviews, POSTed to /{mode}/{profile}.
type Handler struct {
	profiles map[string]*defaults.Profile
	bodies   *bodies
	metrics  *Metrics
	logger   *slog.Logger
}

// NewHandler makes a handler that knows the profiles. The metrics must have been
// made for the same ones.
func NewHandler(profiles []*defaults.Profile, metrics *Metrics, logger *slog.Logger) *Handler {
	h := &Handler{profiles: map[string]*defaults.Profile{}, bodies: newBodies(), metrics: metrics, logger: logger}
	for _, p := range profiles {
		h.profiles[p.Name] = p
	}
	return h
}

// A failure is an answer that is no review: a status code and a plain sentence
// for whoever sent the request.
type failure struct {
	code     int
	sentence string
}

func (f *failure) Error() string { return f.sentence }

// maxSentence bounds what an error repeats of the request: it is logged too.
const maxSentence = 1 << 10

func failf(code int, format string, args ...any) *failure {
	return &failure{code, shorten(fmt.Sprintf(format, args...), maxSentence)}
}

// ServeHTTP answers one request. Whatever it answers, it answers once, whole and
// at the end.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	mode, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()

	// The answer counts until the client has taken it.
	held := &share{of: h.bodies}
	defer held.shrinkTo(0)
	body, err := h.answer(r, Mode(mode), name, held)
	held.shrinkTo(int64(len(body)))
	code := http.StatusOK
	if err != nil {
		code = err.code
		body = []byte(err.sentence + "\n")
		h.logger.LogAttrs(r.Context(), slog.LevelWarn, "request not answered with a review",
			slog.Int("code", code), slog.String("error", err.sentence), slog.String("path", r.URL.Path), slog.String("remote", r.RemoteAddr))
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	if code == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	w.WriteHeader(code)
	// The client may be gone; there is nobody to tell.
	_, _ = w.Write(body)
	h.metrics.answered(Mode(mode), code, time.Since(start))
}

// answer returns the response to a request, or why there is none. A panic in our
// code is a failure like any other: the server lives on.
func (h *Handler) answer(r *http.Request, mode Mode, profileName string, held *share) (body []byte, err *failure) {
	defer func() {
		if p := recover(); p != nil {
			h.metrics.panics.Inc()
			h.logger.LogAttrs(r.Context(), slog.LevelError, "panic while answering a review",
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			body, err = nil, failf(http.StatusInternalServerError, "internal error: the log of caseharden has the details")
		}
	}()

	if !slices.Contains(Modes(), mode) {
		return nil, failf(http.StatusNotFound, "no such path: reviews go to /enforce/PROFILE, /warn/PROFILE or /audit/PROFILE")
	}
	profile, found := h.profiles[profileName]
	if !found {
		return nil, failf(http.StatusNotFound, "profile %q is not loaded; loaded are: %s",
			profileName, strings.Join(slices.Sorted(maps.Keys(h.profiles)), ", "))
	}
	if r.Method != http.MethodPost {
		return nil, failf(http.StatusMethodNotAllowed, "method %s is not allowed: reviews are POSTed", r.Method)
	}
	if err := checkContentType(r.Header); err != nil {
		return nil, err
	}
	data, readErr := readBody(r, held)
	if readErr != nil {
		return nil, asFailure(readErr)
	}
	if err := held.growForValues(data); err != nil {
		return nil, asFailure(err)
	}
	req, parseErr := parseReview(data)
	if parseErr != nil {
		return nil, asFailure(parseErr)
	}
	return h.review(r.Context(), mode, profile, req, held)
}

// review answers a request of the API server.
func (h *Handler) review(ctx context.Context, mode Mode, profile *defaults.Profile, req *request, held *share) ([]byte, *failure) {
	scope, err := scopeOf(req)
	if err != nil {
		return nil, asFailure(err)
	}
	if err := held.growForAnswer(req, scope); err != nil {
		return nil, asFailure(err)
	}
	decisions := scope.decide(profile)
	injected, skipped := records(profile.Name, decisions)
	if !req.DryRun {
		h.metrics.reviewed(mode, profile.Name, req.Namespace, scope, decisions)
	}
	h.log(ctx, mode, req, scope, injected, skipped)

	response := &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}
	switch mode {
	case Enforce:
		response.AuditAnnotations = auditAnnotations(mode, injected, skipped)
		err = setPatch(response, scope, decisions, injected)
	case Warn:
		response.Warnings = warnings(profile.Name, scope, decisions)
	case Audit:
		response.AuditAnnotations = auditAnnotations(mode, injected, skipped)
	}
	if err != nil {
		return nil, asFailure(err)
	}
	return encode(response)
}

// log writes the line of a request: at Info where a default was injected or
// skipped, since only that deserves attention.
func (h *Handler) log(ctx context.Context, mode Mode, req *request, scope scope, injected *injected, skipped *skipped) {
	level := slog.LevelDebug
	if injected != nil || skipped != nil {
		level = slog.LevelInfo
	}
	if !h.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("uid", string(req.UID)), slog.String("mode", string(mode)),
		slog.String("namespace", req.Namespace), slog.Bool("dryRun", req.DryRun),
	}
	if scope.pod != nil {
		name := shorten(cmp.Or(scope.pod.Name, scope.pod.GenerateName), 253) // the longest that is valid
		attrs = append(attrs, slog.String("name", name))
	}
	if injected != nil {
		attrs = append(attrs, slog.String(injectedKey(mode), injected.String()))
	}
	if skipped != nil {
		attrs = append(attrs, slog.String("skipped", skipped.String()))
	}
	h.logger.LogAttrs(ctx, level, "review", attrs...)
}

// asFailure gives an error its status code: its own, or 400, since what else
// goes wrong is the request.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return failf(http.StatusBadRequest, "%s", err)
}
