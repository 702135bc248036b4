// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// A mode is how a proxy takes requests.
type mode string

const (
	forwards mode = "forwards"
	refuses  mode = "refuses"  // hangs up
	hangs    mode = "hangs"    // never answers
	readOnly mode = "readOnly" // hangs up on writes
)

// A proxy is the way of one replica to the API server, which takes it for the
// ServiceAccount of the installation.
type proxy struct {
	r      *replica
	server *httptest.Server
	next   *httputil.ReverseProxy

	mu      sync.Mutex // guards the following
	mode    mode
	cut     context.CancelFunc // ends the requests under way
	context context.Context
}

func newProxy(t *testing.T, r *replica) *proxy {
	t.Helper()
	config := controlPlane.Config()
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + r.in.name + ":caseharden",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + r.in.name, "system:authenticated"},
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(controlPlane.URL())
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{r: r, mode: forwards}
	p.context, p.cut = context.WithCancel(context.Background())
	p.next = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // for watches
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() { p.set(refuses); p.server.CloseClientConnections(); p.server.Close() })
	return p
}

// writeKubeconfig writes a file that leads here.
func (p *proxy) writeKubeconfig(file string) error {
	const name = "proxy"
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: p.server.URL}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name}
	k.CurrentContext = name
	return clientcmd.WriteToFile(*k, file)
}

// set changes the mode, and cuts what is under way.
func (p *proxy) set(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
	p.mode = m
	p.context, p.cut = context.WithCancel(context.Background())
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	m, cut := p.mode, p.context
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(cut, cancel)()
	r = r.WithContext(ctx)
	switch {
	case m == refuses:
		panic(http.ErrAbortHandler)
	case m == hangs:
		<-ctx.Done()
		panic(http.ErrAbortHandler)
	case r.Method == http.MethodGet:
		p.next.ServeHTTP(w, r)
	case m == readOnly:
		panic(http.ErrAbortHandler)
	default:
		p.serveWrite(w, r)
	}
}

// A write is what a replica asks for, by the verbs of the product.
type write string

const (
	restore  write = "restore"
	generate write = "generate"
	publish  write = "publish"
	promote  write = "promote"
)

// A moment is one of a write.
type moment string

const (
	before moment = "before" // the API server hears of it
	after  moment = "after"  // the API server has done it, and before the replica hears of that
)

// A fault kills the first replica that asks for a write.
type fault struct {
	write  write
	moment moment
	struck chan *replica
}

// strike has the next replica killed that asks for the write, and returns a channel
// with it.
func (in *installation) strike(w write, m moment) <-chan *replica {
	f := &fault{w, m, make(chan *replica, 1)}
	in.fault.Store(f)
	return f.struck
}

func (p *proxy) serveWrite(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f := p.r.in.fault.Load()
	if f == nil || p.kind(r, body) != f.write {
		p.next.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	if f.moment == after {
		p.next.ServeHTTP(answer, r)
	}
	// One that is refused has lost against another replica, and is not the one.
	if answer.Code < 300 && p.r.in.fault.CompareAndSwap(f, nil) {
		p.r.Kill()
		f.struck <- p.r
		panic(http.ErrAbortHandler)
	}
	if f.moment == before {
		p.next.ServeHTTP(answer, r)
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// kind tells what a write is from what it makes of the Secret.
//
//	it is not to the Secret                publish
//	what was next becomes current          promote
//	next becomes another                   generate
//	otherwise                              restore
func (p *proxy) kind(r *http.Request, body []byte) write {
	if !strings.Contains(r.URL.Path, "/secrets") {
		return publish
	}
	var asked corev1.Secret
	if err := json.Unmarshal(body, &asked); err != nil {
		panic(err)
	}
	stored, err := p.r.in.secret(r.Context())
	if err != nil {
		stored = &corev1.Secret{}
	}
	current, next := asked.Data["tls.crt"], asked.Data["next-tls.crt"]
	switch {
	case len(current) > 0 && bytes.Equal(current, stored.Data["next-tls.crt"]):
		return promote
	case len(next) > 0 && !bytes.Equal(next, stored.Data["next-tls.crt"]):
		return generate
	default:
		return restore
	}
}
