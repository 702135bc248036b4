// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caseharden/caseharden/evidence/image/source"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestTLS(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}))
	name := r.host() + "/app:1"
	got := read(t, Options{ConfigOnly: true}, name)[name]
	if want := "the certificate of " + r.host() + " is signed by an unknown authority: give the certificate of the authority with --registry-ca FILE"; fmt.Sprint(got.err) != want {
		t.Errorf("error %v", got.err)
	}
	if _, err := New(Options{Authorities: []byte("x")}); err == nil {
		t.Error("authorities that are no certificate are accepted")
	}

	// Plain HTTP: with loopback it goes by itself, and a redirect to another host does not.
	plain := httptest.NewServer(r)
	defer plain.Close()
	address := plain.Listener.Addr().String()
	if got := read(t, Options{ConfigOnly: true}, address+"/app:1")[address+"/app:1"]; got.err != nil {
		t.Error(got.err)
	}
	// Some servers answer a TLS handshake with a page and no status.
	odd, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer odd.Close()
	go func() {
		for n := 0; ; n++ {
			c, err := odd.Accept()
			if err != nil {
				return
			}
			if _, err := bufio.NewReader(c).ReadByte(); err == nil && n == 0 {
				io.WriteString(c, "<html>Bad request</html>")
			} else {
				io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			}
			c.Close()
		}
	}()
	oddly := odd.Addr().String() + "/app:1"
	if got := read(t, Options{ConfigOnly: true}, oddly)[oddly]; !strings.Contains(fmt.Sprint(got.err), "has no such image") {
		t.Errorf("error %v", got.err)
	}
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		http.Redirect(w, req, "http://registry.example.com/x", http.StatusTemporaryRedirect)
		return true
	}
	got = read(t, Options{ConfigOnly: true, Authorities: r.authorities()}, name)[name]
	if want := r.host() + " asks to go on without TLS at registry.example.com: give --insecure-registry registry.example.com if you trust the network"; fmt.Sprint(got.err) != want {
		t.Errorf("error %v", got.err)
	}
}

// Docker Hub and most others hand out a token for the user's password, for each repository.
func TestToken(t *testing.T) {
	r := newRegistry(t)
	r.image("1", configured("linux", "amd64", ocispec.ImageConfig{}), files(t, "a", ""))
	var scopes sync.Map
	r.around = func(w http.ResponseWriter, req *http.Request) bool {
		if req.URL.Path == "/auth/token" {
			user, password, _ := req.BasicAuth()
			scopes.Store(req.URL.Query().Get("scope"), user+":"+password)
			fmt.Fprintf(w, `{"token":"for %s"}`, req.URL.Query().Get("scope"))
			return true
		}
		name := strings.Split(strings.TrimPrefix(req.URL.Path, "/v2/"), "/")[0]
		if req.Header.Get("Authorization") == "Bearer for repository:"+name+":pull" {
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/auth/token",service="s",scope="repository:%s:pull"`, r.host(), name))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	dir := t.TempDir()
	config := fmt.Sprintf(`{"auths":{"%s":{"auth":"dXNlcjpwdw=="}}}`, r.host())
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials, err := source.LoadCredentials(func(name string) string { return map[string]string{"DOCKER_CONFIG": dir}[name] })
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range read(t, Options{Authorities: r.authorities(), Credentials: credentials}, r.host()+"/one:1", r.host()+"/two:1") {
		if got.err != nil {
			t.Errorf("%s: %v", name, got.err)
		}
	}
	for _, scope := range []string{"repository:one:pull", "repository:two:pull"} {
		if user, _ := scopes.Load(scope); user != "user:pw" {
			t.Errorf("the token for %s was asked for by %v", scope, user)
		}
	}
}
