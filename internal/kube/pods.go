// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

// maxOutput bounds what is read of a command or an answer in a pod.
const maxOutput = 64 << 10

// Log returns the end of a container's log, at most limit bytes of its last lines; with
// previous, that of the instance before a restart.
func (c *Client) Log(ctx context.Context, namespace, pod, container string, previous bool, lines int) (string, error) {
	request := c.core.Get().Namespace(namespace).Resource("pods").Name(pod).SubResource("log").
		Param("container", container).Param("tailLines", strconv.Itoa(lines)).Param("limitBytes", strconv.Itoa(256<<10))
	if previous {
		request = request.Param("previous", "true")
	}
	log, err := readAll(ctx, request)
	if strings.HasPrefix(string(log), "unable to retrieve container logs for ") {
		return "", errors.New(string(log)) // which the kubelet sends in place of the log
	}
	return string(log), err
}

// A Response is what a command or an HTTP request in a pod came to.
type Response struct {
	Code   int    // exit code, or HTTP status
	Output string // what was written to both streams, or the body
}

// Exec runs a command in a container, and returns what it wrote and its exit code. The error
// says why it could not run.
func (c *Client) Exec(ctx context.Context, namespace, pod, container string, command []string) (Response, error) {
	request := c.core.Get().Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		Param("container", container).Param("stdout", "true").Param("stderr", "true")
	for _, arg := range command {
		request = request.Param("command", arg)
	}
	executor, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, request.URL().String())
	if err != nil {
		return Response{}, err
	}
	out := &bounded{left: maxOutput}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: out, Stderr: out})
	var exit exec.CodeExitError
	switch {
	case err == nil:
		return Response{Output: out.String()}, nil
	case errors.As(err, &exit):
		return Response{Code: exit.Code, Output: out.String()}, nil
	}
	return Response{}, fmt.Errorf("%w%s", err, after(out.String()))
}

func after(output string) string {
	if output = strings.TrimSpace(output); output != "" {
		return ": " + output
	}
	return ""
}

// bounded keeps the first bytes that are written, and drops the rest.
type bounded struct {
	mu   sync.Mutex // guards the following: both streams of a command are written to it
	text bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(p), b.left)
	b.left -= n
	b.text.Write(p[:n])
	return len(p), nil
}

func (b *bounded) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// HTTP makes a GET request to a port of a pod by way of the API server. A status of 400 and
// more is an answer and no error.
func (c *Client) HTTP(ctx context.Context, namespace, pod string, port int, path string, timeout time.Duration) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	path, query, _ := strings.Cut(strings.TrimPrefix(path, "/"), "?")
	request := c.core.Get().Namespace(namespace).Resource("pods").Name(fmt.Sprintf("%s:%d", pod, port)).SubResource("proxy").Suffix(path)
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			request = request.Param(name, value)
		}
	}
	stream, err := request.MaxRetries(0).Stream(ctx)
	if err != nil {
		if status, ok := errors.AsType[*apierrors.StatusError](err); ok && status.ErrStatus.Code > 0 {
			return Response{Code: int(status.ErrStatus.Code), Output: bodyOf(status.ErrStatus)}, nil
		}
		return Response{}, err
	}
	defer stream.Close()
	body, err := io.ReadAll(io.LimitReader(stream, maxOutput))
	return Response{Code: http.StatusOK, Output: string(body)}, err
}

// bodyOf returns what a server in a pod answered, which is among the causes, if it was a
// server and not the API server.
func bodyOf(s metav1.Status) string {
	if s.Details != nil && len(s.Details.Causes) > 0 && s.Details.Causes[0].Message != "" {
		return s.Details.Causes[0].Message
	}
	return s.Message
}
