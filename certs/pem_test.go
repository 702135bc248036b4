// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseCertificate(t *testing.T) {
	a, b := issue(t, time.Hour), issue(t, time.Hour)
	join := func(texts ...[]byte) []byte { return bytes.Join(texts, nil) }
	block, _ := pem.Decode(a.key)
	sec1DER, err := x509.MarshalECPrivateKey(parseKey(t, a.key))
	if err != nil {
		t.Fatal(err)
	}
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1DER})
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	garbage := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})
	half := func(text []byte) []byte { return text[:len(text)/2] }
	windows := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }

	tests := []struct {
		name      string
		cert, key []byte
		want      string // "" for whole
	}{
		{"certificate and key", a.cert, a.key, ""},
		{"chain", join(a.cert, a.ca), a.key, ""},
		{"text around the blocks", join([]byte("subject: a\n"), a.cert, []byte("issuer: b\n"), a.ca, []byte("end")), a.key, ""},
		{"no final newline", bytes.TrimSpace(a.cert), bytes.TrimSpace(a.key), ""},
		{"CRLF", windows(a.cert), windows(a.key), ""},
		{"combined file", join(a.key, a.cert), join(a.key, a.cert), ""},
		{"SEC 1 key after its parameters", a.cert, join(parameters, sec1), ""},

		{"unset certificate", nil, a.key, "CERT: no PEM block"},
		{"certificate in DER", parseCert(t, a.cert).Raw, a.key, "CERT: no PEM block"},
		{"truncated certificate", half(a.cert), a.key, "CERT: truncated or malformed PEM block"},
		{"certificate cut in its last line", a.cert[:len(a.cert)-8], a.key, "CERT: truncated or malformed PEM block"},
		{"truncated chain", join(a.cert, half(a.ca)), a.key, "CERT: truncated or malformed PEM block"},
		{"malformed in the middle", join(half(a.ca), []byte("\n"), a.cert), a.key, "CERT: truncated or malformed PEM block"},
		{"files switched", a.key, a.cert, "CERT: no PEM block of type CERTIFICATE"},
		{"not a certificate", garbage, a.key, "CERT: x509: malformed tbs certificate"},
		{"chain ends in what is not a certificate", join(a.cert, garbage), a.key, "CERT: x509: malformed tbs certificate"},

		{"unset key", a.cert, nil, "KEY: no PEM block"},
		{"key in DER", a.cert, block.Bytes, "KEY: no PEM block"},
		{"truncated key", a.cert, half(a.key), "KEY: truncated or malformed PEM block"},
		{"certificate in place of the key", a.cert, a.cert, "KEY: no PEM block of type PRIVATE KEY"},
		{"key in a block of another type", a.cert,
			pem.EncodeToMemory(&pem.Block{Type: base64.StdEncoding.EncodeToString(block.Bytes), Bytes: block.Bytes}),
			"KEY: no PEM block of type PRIVATE KEY"},
		{"key cut in its DER", a.cert,
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: half(block.Bytes)}),
			"KEY for CERT: tls: failed to parse private key"},
		{"encrypted key", a.cert,
			pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: block.Bytes[1:]}),
			"KEY for CERT: tls: failed to parse private key"},
		{"key of another certificate", a.cert, b.key, "KEY for CERT: tls: private key does not match public key"},
		{"CA before the certificate", join(a.ca, a.cert), a.key, "KEY for CERT: tls: private key does not match public key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			certificate, err := parseCertificate(pemText{"CERT", tt.cert}, pemText{"KEY", tt.key})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("error = %q, want %q", got, tt.want)
			}
			wantNoKey(t, got, a.key)
			if (certificate == nil) != (err != nil) {
				t.Errorf("certificate = %v beside error %v", certificate, err)
			}
			if certificate != nil && !bytes.Equal(certificate.Leaf.Raw, parseCert(t, a.cert).Raw) {
				t.Error("Leaf is not the certificate")
			}
		})
	}
}

// TestParseCertificateNeverQuotesTheKey damages the two texts at every byte and cuts it at
// every length, with the key in either file.
func TestParseCertificateNeverQuotesTheKey(t *testing.T) {
	g := issue(t, time.Hour)
	errs := map[string]bool{}
	try := func(cert, key []byte) {
		if _, err := parseCertificate(pemText{"CERT", cert}, pemText{"KEY", key}); err != nil {
			errs[err.Error()] = true
		}
	}
	block, _ := pem.Decode(g.key)
	for i := range g.key {
		try(g.cert, g.key[:i])
		try(g.key[:i], g.key)
		try(g.cert, g.key[i:])
		for _, c := range []byte{'A', '-', '\n', 0} {
			bad := slices.Clone(g.key)
			bad[i] = c
			try(g.cert, bad)
			try(bad, g.key)
		}
	}
	for i := range block.Bytes {
		for bit := range 8 {
			bad := slices.Clone(block.Bytes)
			bad[i] ^= 1 << bit
			for _, kind := range []string{"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE"} {
				text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bad})
				try(g.cert, text)
				try(text, g.key)
			}
		}
	}
	all := make([]string, 0, len(errs))
	for e := range errs {
		all = append(all, e)
	}
	if len(all) < 5 {
		t.Errorf("only these errors were met: %q", all)
	}
	wantNoKey(t, strings.Join(all, "\n"), g.key)
}

// TestParseCertificateSetsLeaf: also where the environment tells crypto/tls not to.
func TestParseCertificateSetsLeaf(t *testing.T) {
	t.Setenv("GODEBUG", "x509keypairleaf=0")
	g := issue(t, time.Hour)
	certificate, err := parseCertificate(pemText{"CERT", g.cert}, pemText{"KEY", g.key})
	if err != nil {
		t.Fatal(err)
	}
	if certificate.Leaf == nil {
		t.Error("Leaf = nil")
	}
}

// TestWantNoKey is the control of every test that says a key is nowhere.
func TestWantNoKey(t *testing.T) {
	g := issue(t, time.Hour)
	block, _ := pem.Decode(g.key)
	sec1DER, err := x509.MarshalECPrivateKey(parseKey(t, g.key))
	if err != nil {
		t.Fatal(err)
	}
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1DER})
	for name, text := range map[string]string{
		"PKCS #8":               string(g.key),
		"SEC 1":                 string(sec1),
		"second line of either": strings.Split(string(g.key), "\n")[2] + strings.Split(string(sec1), "\n")[2],
		"DER":                   string(block.Bytes),
		"DER as %x":             fmt.Sprintf("%x", block.Bytes),
		"DER as %X":             fmt.Sprintf("%X", block.Bytes),
		"DER as %v":             fmt.Sprintf("%v", block.Bytes),
		"DER as %#v":            fmt.Sprintf("%#v", block.Bytes),
		"key as %v":             fmt.Sprintf("%v", parseKey(t, g.key)),
	} {
		if keyIn(t, "before "+text+" after", g.key) == "" {
			t.Errorf("not found: %s", name)
		}
	}
	if got := keyIn(t, string(g.cert)+string(g.ca), g.key); got != "" {
		t.Errorf("certificates are taken for the key (%s)", got)
	}
}
