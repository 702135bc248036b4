// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"encoding/base64"
	"strings"
	"testing"
)

// checkLogs looks for private keys in the logs of all the replicas, and quotes the logs
// where the test has failed. It is called at the end of every installation.
func (in *installation) checkLogs(t *testing.T) {
	t.Helper()
	in.history.mu.Lock()
	keys := in.history.keys
	in.history.mu.Unlock()
	for _, r := range in.replicas {
		lines, text, err := r.log()
		if err != nil || len(text) == 0 && r.Lives() > 0 {
			t.Errorf("%s: %d bytes of log, %v", r.Dir, len(text), err)
		}
		for _, l := range lines {
			if t.Failed() && l.Namespace == "" {
				t.Logf("%s: %s %s %s %s %s %s", r.Dir, l.Time.Format("15:04:05.000"), l.Level, l.Msg, l.Step, l.Because, l.Error)
			}
		}
		if found := keyIn(string(text), keys); found != "" {
			t.Errorf("%s: the log holds %s", r.Dir, found)
		}
	}
}

// keyIn says what of one of the keys is in a text; "" if nothing is.
func keyIn(text string, keys []string) string {
	if strings.Contains(text, "PRIVATE KEY") {
		return "the frame of a private key"
	}
	for _, key := range keys {
		// As a Secret has it in JSON. Alignment at the third byte makes three of it.
		for shift := range 3 {
			whole := base64.StdEncoding.EncodeToString([]byte(key[shift:]))
			for i := 0; i+24 <= len(whole); i += 24 {
				// The frame is the same for all keys.
				if i >= 40 && i < len(whole)-60 && strings.Contains(text, whole[i:i+24]) {
					return "a part of a private key in base64"
				}
			}
		}
		for l := range strings.Lines(key) {
			// The first of a key of this kind is nearly the same for all.
			if l = strings.TrimSpace(l); !strings.HasPrefix(l, "-----") && strings.Contains(text, l) {
				return "a line of a private key"
			}
		}
	}
	return ""
}

func TestKeysAreFound(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\n" +
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n" +
		"OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n" +
		"1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n" +
		"-----END PRIVATE KEY-----\n"
	for _, text := range []string{
		key,
		"OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r",
		`"tls.key":"` + base64.StdEncoding.EncodeToString([]byte(key)) + `"`,
		`of what was sent: ` + base64.StdEncoding.EncodeToString([]byte("two bytes"+key)),
	} {
		if keyIn(text, []string{key}) == "" {
			t.Errorf("not found in %s", text)
		}
	}
	if found := keyIn(`{"msg":"serving certificate loaded","serial":"5f1c"}`, []string{key}); found != "" {
		t.Errorf("found %s where there is none", found)
	}
}
