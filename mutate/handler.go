// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
)

// A Handler answers AdmissionReviews, POSTed to /{mode}/{profile}.
type Handler struct {
	profiles map[string]*defaults.Profile
	costs    map[string]profileCost // by profile
	metrics  *Metrics
	logger   *slog.Logger

	bodies                       *bodies
	turns                        *turns
	decoding, answering, writing stage
}

// NewHandler makes a handler that knows the profiles. The metrics must have been
// made for the same ones.
func NewHandler(profiles []*defaults.Profile, metrics *Metrics, logger *slog.Logger) *Handler {
	h := &Handler{
		profiles:  map[string]*defaults.Profile{},
		costs:     map[string]profileCost{},
		metrics:   metrics,
		logger:    logger,
		bodies:    newBodies(),
		turns:     newTurns(),
		decoding:  newStage(maxDecodingBytes),
		answering: newStage(maxAnsweringBytes),
		writing:   newStage(maxWritingBytes),
	}
	for _, p := range profiles {
		h.profiles[p.Name], h.costs[p.Name] = p, costOf(p)
	}
	return h
}

// A failure is an answer that is no review: a status code and a plain sentence
// for whoever sent the request.
type failure struct {
	code     int
	sentence string
	panicked []slog.Attr // for the log, where a panic is the cause
}

func (f *failure) Error() string { return f.sentence }

// maxSentence bounds what the answer of a failure repeats of a request.
const maxSentence = 1 << 10

func failf(code int, format string, args ...any) error {
	return &failure{code: code, sentence: shorten(fmt.Sprintf(format, args...), maxSentence)}
}

// ServeHTTP answers one request. Whatever it answers, it answers once, whole and
// at the end.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	growStack(0)
	mode, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()

	body, err := h.answer(w, r, Mode(mode), name)
	if err == nil && len(body) > smallAnswerBytes {
		var release func()
		if release, err = h.writing.takeAtOnce(int64(len(body))); err == nil {
			defer release()
		}
	}
	code := http.StatusOK
	if err != nil {
		f := asFailure(err)
		code, body = f.code, []byte(f.sentence+"\n")
		h.logFailure(r, f)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	switch code {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1") // without it, an API server does not try again
	}
	w.WriteHeader(code)
	// The client may be gone; there is nobody to tell.
	_, _ = w.Write(body)
	h.metrics.answered(Mode(mode), code, time.Since(start))
}

// answer returns the response to a request, or why there is none. A panic in our
// code is a failure like any other: the server lives on.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, mode Mode, profileName string) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			h.metrics.panics.Inc()
			body, err = nil, &failure{
				code:     http.StatusInternalServerError,
				sentence: "internal error: the log of caseharden has the details",
				panicked: []slog.Attr{slog.String("panic", shorten(fmt.Sprint(p), maxSentence)), slog.String("stack", string(debug.Stack()))},
			}
		}
	}()

	profile, err := h.route(r, mode, profileName)
	if err != nil {
		return nil, err
	}
	data, releaseBody, err := h.bodies.read(w, r)
	if err != nil {
		return nil, err
	}
	defer releaseBody()
	wait := wait{r.Context(), time.Now().Add(maxWait)}

	endTurn, err := h.turns.take(wait, len(data))
	if err != nil {
		return nil, err
	}
	defer endTurn()
	releaseDecoded, err := h.decoding.take(wait, decodingBytes(data), "the body")
	if err != nil {
		return nil, err
	}
	defer releaseDecoded()
	req, err := parseReview(data)
	if err != nil {
		return nil, err
	}
	scope, err := scopeOf(mode, req)
	if err != nil {
		return nil, err
	}

	releaseAnswer, err := h.answering.take(wait, answeringBytes(req, scope, h.costs[profile.Name]), "the answer for "+strconv.Itoa(len(scope.containers))+" containers")
	if err != nil {
		return nil, err
	}
	defer releaseAnswer()
	return h.review(r.Context(), mode, profile, req, scope)
}

// route returns the profile that a request is for, or why there is no answer to
// such a request, whatever its body is.
func (h *Handler) route(r *http.Request, mode Mode, profileName string) (*defaults.Profile, error) {
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
	return profile, nil
}

// review answers a request of the API server.
func (h *Handler) review(ctx context.Context, mode Mode, profile *defaults.Profile, req *request, scope scope) ([]byte, error) {
	change, err := scope.change(profile)
	if err != nil {
		return nil, err
	}
	injected, skipped := records(profile.Name, change)
	if !req.DryRun {
		h.metrics.reviewed(mode, profile.Name, req.Namespace, scope, change.Decisions)
	}
	h.log(ctx, mode, req, scope, injected, skipped)

	response := &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}
	switch mode {
	case Enforce:
		response.AuditAnnotations = auditAnnotations(mode, scope, injected, skipped)
		setPatch(response, scope, change, injected)
		if !scope.wholePod {
			response.Warnings = warningsOfDebugging(profile.Name, change)
		}
	case Warn:
		response.Warnings = warnings(profile.Name, change)
	case Audit:
		response.AuditAnnotations = auditAnnotations(mode, scope, injected, skipped)
	}
	return encode(response), nil
}

// asFailure gives an error its status code: its own, or 400, since what else
// goes wrong is the request.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{code: http.StatusBadRequest, sentence: shorten(err.Error(), maxSentence)}
}
