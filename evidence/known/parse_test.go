// SPDX-License-Identifier: Apache-2.0

package known

import (
	"strings"
	"testing"
)

// head is three lines of an entry: what is added to it begins on the fourth.
const head = "- image: docker.io/library/app\n  versions: \"1\"\n  source: [https://example.com/Dockerfile]\n"

// Every error names the file, the line, the path and what is expected. All are reported at
// once, in the order of their lines.
func TestErrors(t *testing.T) {
	t.Parallel()
	const at = "x.yaml:4: docker.io/library/app."
	for name, tt := range map[string]struct{ data, want string }{
		"empty":           {"# nothing\n", "x.yaml:1: must be a list of images"},
		"not YAML":        {"- a: b\n c: d\n", "x.yaml:1: is not YAML: did not find expected '-' indicator"},
		"no list":         {"image: nginx\n", "x.yaml:1: must be a list that is not empty"},
		"no object":       {"- nginx\n", "x.yaml:1: must be an object\nx.yaml:1: image must be set\nx.yaml:1: versions must be set\nx.yaml:1: source must be set"},
		"nothing in it":   {"- {}\n", "x.yaml:1: image must be set\nx.yaml:1: versions must be set\nx.yaml:1: source must be set"},
		"null":            {head + "  uid:\n", at + "uid: must be a number from 0 to 2147483647"},
		"a misspelling":   {head + "  startAsRoot: true\n", at + "startAsRoot: unknown field: did you mean startsAsRoot?"},
		"an unknown name": {head + "  colour: blue\n", at + "colour: unknown field: must be one of anyUser, base, capabilities, data, fileCapabilities, gid, guarded, lowPorts, note, readOnlyRoot, rewrites, source, startsAsRoot, uid, user, versions, volumes, writes, image, also, variants"},
		"a name twice":    {head + "  uid: 0\n  uid: 0\n", "x.yaml:5: docker.io/library/app.uid: is there twice"},

		"a short image": {"- {image: nginx, versions: \"1\", source: [https://example.com/x]}", "x.yaml:1: nginx.image: must be written out, as docker.io/library/nginx is"},
		"a tag":         {"- {image: 'docker.io/library/nginx:1', versions: \"1\", source: [https://example.com/x]}", "x.yaml:1: docker.io/library/nginx:1.image: must have no tag and no digest: tags are for variants"},
		"no repository": {"- {image: 'docker.io/a/b*', versions: \"1\", source: [https://example.com/x]}", "x.yaml:1: docker.io/a/b*.image: must be a repository, such as docker.io/library/nginx; its last component may be *"},
		"not sorted":    {head + strings.Replace(head, "app", "abc", 1), "x.yaml:4: docker.io/library/abc: must stand before docker.io/library/app: images are sorted"},
		"twice":         {head + head, "x.yaml:4: docker.io/library/app: docker.io/library/app is there twice"},
		"also another":  {head + strings.Replace(head, "app", "web", 1) + "  also: [docker.io/library/app]\n", "x.yaml:4: docker.io/library/web: docker.io/library/app is there twice"},

		"a version that is a number": {strings.Replace(head, `"1"`, "1.10", 1), "x.yaml:2: docker.io/library/app.versions: must be the versions that were read, such as 1.25 to 1.29"},
		"no https":                   {strings.Replace(head, "https", "http", 1), "x.yaml:3: docker.io/library/app.source[0]: must be an address that begins with https://"},
		"no address":                 {strings.Replace(head, "example.com/Dockerfile", "", 1), "x.yaml:3: docker.io/library/app.source[0]: must be an address that begins with https://"},
		"an address without a path":  {strings.Replace(head, "/Dockerfile", "", 1), "x.yaml:3: docker.io/library/app.source[0]: must be an address that begins with https://"},
		"no source":                  {strings.Replace(head, "https://example.com/Dockerfile", "", 1), "x.yaml:3: docker.io/library/app.source: must be a list that is not empty"},
		"a source twice":             {strings.Replace(head, "[https", "[https://example.com/Dockerfile, https", 1), "x.yaml:3: docker.io/library/app.source[1]: is there twice"},

		"a negative UID":        {head + "  uid: -1\n", at + "uid: must be a number from 0 to 2147483647"},
		"a UID too high":        {head + "  gid: 2147483648\n", at + "gid: must be a number from 0 to 2147483647"},
		"a name as UID":         {head + "  uid: nginx\n", at + "uid: must be a number from 0 to 2147483647"},
		"a number as user":      {head + "  user: 101\n", at + "user: must be USER as the image has it, such as nginx or \"101\""},
		"no boolean":            {head + "  base: 'yes'\n", at + "base: must be true or false"},
		"a relative path":       {head + "  writes: [tmp]\n", at + "writes[0]: must be an absolute path without .., such as /var/lib/mysql"},
		"a path that goes up":   {head + "  data: [/a/../b]\n", at + "data[0]: must be an absolute path without .., such as /var/lib/mysql"},
		"the root":              {head + "  volumes: [/]\n", at + "volumes[0]: must be an absolute path without .., such as /var/lib/mysql"},
		"paths not sorted":      {head + "  rewrites: [/b, /a]\n", at + "rewrites: must be sorted"},
		"a path twice":          {head + "  writes: [/a, /a]\n", at + "writes[1]: is there twice"},
		"no capability":         {head + "  capabilities: [CAP_CHOWN]\n", at + "capabilities[0]: must be a capability without CAP_, such as NET_BIND_SERVICE"},
		"a high port":           {head + "  lowPorts: [80, 1024]\n", at + "lowPorts[1]: must be a number from 1 to 1023"},
		"a note with full stop": {head + "  note: this is it.\n", at + "note: must be one sentence without its full stop, in at most 200 characters"},
		"a long note":           {head + "  note: " + strings.Repeat("a", 203) + "\n", at + "note: must be one sentence without its full stop, in at most 200 characters"},

		"another user and root": {head + "  user: nginx\n  startsAsRoot: true\n  uid: 1\n", `x.yaml:1: docker.io/library/app: startsAsRoot: must not be set with user "nginx": the image does not start as root`},
		"root without a UID":    {head + "  startsAsRoot: true\n", "x.yaml:1: docker.io/library/app: startsAsRoot: must have the uid to which the image changes"},
		"a guard of nothing":    {head + "  guarded: true\n", "x.yaml:1: docker.io/library/app: guarded: must have startsAsRoot: only that can be guarded"},
		"a base that starts":    {head + "  base: true\n  startsAsRoot: true\n  uid: 1\n", "x.yaml:1: docker.io/library/app: base: must not be set with startsAsRoot: nothing is known of what a base image runs"},
		"another number":        {head + "  user: '101'\n  uid: 1\n", `x.yaml:1: docker.io/library/app: user: must have the numbers of uid and gid, is "101"`},
		"another group":         {head + "  user: '1:2'\n  uid: 1\n  gid: 1\n", `x.yaml:1: docker.io/library/app: user: must have the numbers of uid and gid, is "1:2"`},
		"a UID from nowhere":    {head + "  uid: 1\n", "x.yaml:1: docker.io/library/app: uid: must be 0 without user and startsAsRoot"},
		"written and rewritten": {head + "  writes: [/a]\n  rewrites: [/a]\n", "x.yaml:1: docker.io/library/app: writes: /a must be in one of writes, rewrites and data"},
		"read-only and written": {head + "  writes: [/tmp]\n  readOnlyRoot: true\n", "x.yaml:1: docker.io/library/app: readOnlyRoot: must not be set with /tmp in writes"},

		"a variant without tags":    {head + "  variants:\n  - uid: 0\n", "x.yaml:5: docker.io/library/app.variants[0]: must have tags, and a fact that differs"},
		"a variant without facts":   {head + "  variants:\n  - tags: [a]\n", "x.yaml:5: docker.io/library/app.variants[0]: must have tags, and a fact that differs"},
		"a bad glob":                {head + "  variants:\n  - tags: ['[']\n    uid: 0\n", "x.yaml:5: docker.io/library/app.variants[0].tags[0]: must be a glob of tags, such as *-alpine*\nx.yaml:5: docker.io/library/app.variants[0]: must have tags, and a fact that differs"},
		"a variant's image":         {head + "  variants:\n  - tags: [a]\n    image: b\n", "x.yaml:6: docker.io/library/app.variants[0].image: unknown field: must be one of anyUser, base, capabilities, data, fileCapabilities, gid, guarded, lowPorts, note, readOnlyRoot, rewrites, source, startsAsRoot, uid, user, versions, volumes, writes, tags\nx.yaml:5: docker.io/library/app.variants[0]: must have tags, and a fact that differs"},
		"a variant's contradiction": {head + "  variants:\n  - tags: [a]\n    guarded: true\n", "x.yaml:5: docker.io/library/app.variants[0]: guarded: must have startsAsRoot: only that can be guarded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			images, err := Parse("x.yaml", []byte(tt.data))
			if err == nil {
				t.Fatalf("Parse returned no error, want %s", tt.want)
			}
			if images != nil {
				t.Error("Parse returned images together with an error")
			}
			if got := err.Error(); !sameLines(got, tt.want) {
				t.Errorf("Parse: %s\nwant:  %s", got, tt.want)
			}
		})
	}
}

// sameLines reports whether two texts have the same lines; those of one line of a file are
// in any order.
func sameLines(a, b string) bool {
	for line := range strings.Lines(a) {
		if !strings.Contains(b+"\n", strings.TrimSuffix(line, "\n")+"\n") {
			return false
		}
	}
	return strings.Count(a, "\n") == strings.Count(b, "\n")
}

// What the errors ask for is accepted.
func TestParse(t *testing.T) {
	t.Parallel()
	images, err := Parse("x.yaml", []byte(head+`  also: [registry.example.com/app]
  uid: 7
  gid: 0
  startsAsRoot: true
  guarded: true
  writes: [/a, /b]
  variants:
  - tags: ["*-alpine"]
    uid: 8
    writes: []
    note: it has another user
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(images.All()); got != 2 {
		t.Errorf("All has %d, want the image and its variant", got)
	}
	facts, ok := images.For("registry.example.com/app:1-alpine")
	if !ok || *facts.UID != 8 || *facts.GID != 0 || !facts.Guarded || facts.Writes != nil || facts.Note != "it has another user" {
		t.Errorf("For = %+v, %t, want the facts of the variant", facts, ok)
	}
}
