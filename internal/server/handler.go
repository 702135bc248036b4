// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/mutate"
)

// A Handler answers AdmissionReviews, POSTed to /{mode}/{profile}.
type Handler struct {
	profiles map[string]*defaults.Profile
	limiter  *limiter
	metrics  *Metrics
	logger   *slog.Logger
}

// NewHandler returns a handler that knows the profiles. The metrics must have been
// made for the same profiles.
func NewHandler(profiles []*defaults.Profile, metrics *Metrics, logger *slog.Logger) *Handler {
	h := &Handler{profiles: map[string]*defaults.Profile{}, limiter: newLimiter(profiles), metrics: metrics, logger: logger}
	for _, p := range profiles {
		h.profiles[p.Name] = p
	}
	return h
}

// ServeHTTP answers a request once, with the whole answer at the end.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	growStack(0)
	mode, profile, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()

	body, release, err := h.answer(w, r, mutate.Mode(mode), profile)
	if err == nil {
		defer release()
	}
	code := http.StatusOK
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if err != nil {
		f := asFailure(err)
		code, body = f.code, []byte(f.sentence+"\n")
		h.logFailure(r, f)
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("X-Content-Type-Options", "nosniff")
	}
	switch code {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests:
		header.Set("Retry-After", "1") // without it, an API server does not try again
	}
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client may be gone
	h.metrics.answered(mutate.Mode(mode), code, time.Since(start))
}

// answer returns the body of the response to a request, or an error. The caller must call
// release when it has written the body. A panic in our code is an error like any other: the
// server lives on.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, mode mutate.Mode, profileName string) (response []byte, release func(), err error) {
	defer func() {
		if p := recover(); p != nil {
			h.metrics.panics.Inc()
			response, err = nil, panicked(p)
		}
	}()
	profile, err := h.route(r, mode, profileName)
	if err != nil {
		return nil, nil, err
	}
	body, releaseBody, err := h.limiter.readBody(w, r)
	if err != nil {
		return nil, nil, err
	}
	defer releaseBody()
	end, err := h.limiter.begin(r.Context(), profile, body)
	if err != nil {
		return nil, nil, err
	}
	defer end()

	review, err := mutate.Read(mode, body)
	if err != nil {
		return nil, nil, err
	}
	if err := h.limiter.fits(profile, review); err != nil {
		return nil, nil, err
	}
	answer, err := review.Answer(profile)
	if err != nil {
		return nil, nil, err
	}
	response = answer.Body()
	if release, err = h.limiter.holdAnswer(int64(len(response))); err != nil {
		return nil, nil, err
	}
	if !review.DryRun {
		h.metrics.reviewed(profile.Name, review, answer.Decisions)
	}
	h.log(r.Context(), review, answer)
	return response, release, nil
}

// route returns the profile that a request is for. It returns an error for a request that
// cannot be answered, whatever its body is.
func (h *Handler) route(r *http.Request, mode mutate.Mode, profileName string) (*defaults.Profile, error) {
	if !slices.Contains(mutate.Modes(), mode) {
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
	return profile, checkContentType(r.Header)
}

// checkContentType accepts plain JSON, which is what API servers send.
func checkContentType(header http.Header) error {
	const reviews = "application/json"
	if contentType := header.Get("Content-Type"); contentType != reviews {
		if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != reviews {
			return failf(http.StatusUnsupportedMediaType, "content type %q is not supported: send application/json", contentType)
		}
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return failf(http.StatusUnsupportedMediaType, "content encoding %q is not supported: send the review unencoded", encoding)
	}
	return nil
}

// A failure is an answer that is no review: a status code and a plain sentence for the
// client.
type failure struct {
	code     int
	sentence string
	panicked []slog.Attr // for the log, where a panic is the cause
}

func (f *failure) Error() string { return f.sentence }

// maxSentence bounds what the answer of a failure repeats of a request.
const maxSentence = 1 << 10

func failf(code int, format string, args ...any) error {
	return &failure{code: code, sentence: text.Shorten(fmt.Sprintf(format, args...), maxSentence)}
}

// panicked returns a failure for what a panic was called with. It must be called while
// the stack is that of the panic.
func panicked(p any) *failure {
	return &failure{
		code:     http.StatusInternalServerError,
		sentence: "internal error: the log of caseharden has the details",
		panicked: []slog.Attr{slog.String("panic", text.Shorten(fmt.Sprint(p), maxSentence)), slog.String("stack", string(debug.Stack()))},
	}
}

// asFailure gives an error its status code: its own, or 400, since what else goes wrong is
// the request.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{code: http.StatusBadRequest, sentence: text.Shorten(err.Error(), maxSentence)}
}
