// SPDX-License-Identifier: Apache-2.0

//go:build linux

package evidence_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// A start is what a process is told that becomes the first of a container.
type start struct {
	Root          string
	UID, GID      int
	Capabilities  []int
	NoNewPrivs    bool
	Dir           string
	Program       string
	WriteTo, Made string
}

const startVariable = "EVIDENCE_TEST_START"

func TestMain(m *testing.M) {
	switch text := os.Getenv(startVariable); {
	case text == "program":
		fmt.Println("started")
		os.Exit(0)
	case text != "":
		var s start
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
		}
		s.do()
	}
	os.Exit(m.Run())
}

// do becomes the first process as runc does: it enters the root and the working directory,
// limits the capabilities, changes the user, and executes the program.
func (s *start) do() {
	runtime.LockOSThread()
	must := func(what string, err error) {
		if err != nil {
			fmt.Println(what+":", err)
			os.Exit(3)
		}
	}
	must("chroot", unix.Chroot(s.Root))
	must("chdir", unix.Chdir(s.Dir))
	var bits [2]uint32
	for c := 0; unix.Prctl(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0) == nil; c++ {
		if slices.Contains(s.Capabilities, c) {
			bits[c/32] |= 1 << (c % 32)
			continue
		}
		must("capbset", unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0))
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
	if errno != 0 {
		must("setgroups", errno)
	}
	if _, _, errno = unix.RawSyscall(unix.SYS_SETRESGID, uintptr(s.GID), uintptr(s.GID), uintptr(s.GID)); errno != 0 {
		must("setresgid", errno)
	}
	if _, _, errno = unix.RawSyscall(unix.SYS_SETRESUID, uintptr(s.UID), uintptr(s.UID), uintptr(s.UID)); errno != 0 {
		must("setresuid", errno)
	}
	if s.UID == 0 {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{{Effective: bits[0], Permitted: bits[0]}, {Effective: bits[1], Permitted: bits[1]}}
		must("capset", unix.Capset(&header, &data[0]))
	}
	if s.NoNewPrivs {
		must("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	}
	fd, err := unix.Open(filepath.Join(s.WriteTo, s.Made), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o600)
	if err == nil {
		must("close", unix.Close(fd))
		fmt.Println("wrote")
	}
	if err := unix.Exec(s.Program, []string{s.Program}, []string{startVariable + "=program"}); err != nil {
		fmt.Println("exec:", err)
	}
	os.Exit(0)
}

// capabilityNumbers are those of linux/capability.h, of the capabilities that runtimes give.
var capabilityNumbers = map[string]int{
	"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
	"NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31,
}

// The kernel is asked whether a program can be executed and a file be made: in a root
// directory with owners, modes, links and file capabilities of all kinds, for users of all
// kinds, with and without capabilities.
func TestKernelAgrees(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it has to be root to become others")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if binaryOf, err := elf.NewFile(bytes.NewReader(program)); err != nil || slices.ContainsFunc(binaryOf.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Skip("the test is no static program, which would run in a root directory of its own")
	}
	root := t.TempDir()
	for dir := root; dir != "/"; dir = filepath.Dir(dir) { // everybody may come in
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			if err := os.Chmod(dir, info.Mode()|0o011); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, dir := range []string{"a/b", "c/d", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{"a/b/program": program, "bin/script": []byte("#!/c/d/interpreter\n")} {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"c/d/interpreter": "../../a/b/program", "bin/link": "/c/d/interpreter", "bin/up": "../../../a/b/program", "bin/loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(17, 11))
	pick := func(of ...int) int { return of[random.IntN(len(of))] }
	started, wrote, refused := 0, 0, 0
	const cases = 400
	for i := range cases {
		var lines strings.Builder
		set := func(kind, name string, capability string) {
			mode := pick(0o755, 0o755, 0o755, 0o711, 0o700, 0o750, 0o710, 0o555, 0o644, 0o770, 0o777, 0o050, 0o005)
			uid, gid := pick(0, 0, 1000, 10001), pick(0, 0, 1000, 10001)
			at := filepath.Join(root, name)
			if err := os.Chown(at, uid, gid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(at, fs.FileMode(mode)); err != nil {
				t.Fatal(err)
			}
			if capability != "" {
				if err := unix.Setxattr(at, "security.capability", fileCapability(capability), 0); err != nil {
					t.Skipf("file capabilities cannot be set here: %v", err)
				}
				capability = " cap=" + capability
			}
			fmt.Fprintf(&lines, "%s %o %d:%d /%s%s\n", kind, mode, uid, gid, name, capability)
		}
		for _, dir := range []string{"a", "a/b", "c", "c/d", "bin"} {
			set("d", dir, "")
		}
		set("f", "a/b/program", []string{"", "", "", "NET_RAW+ep", "NET_RAW+p", "SETUID+ep"}[random.IntN(6)])
		set("f", "bin/script", "")
		lines.WriteString("l /c/d/interpreter ../../a/b/program\nl /bin/link /c/d/interpreter\nl /bin/up ../../../a/b/program\nl /bin/loop loop\n")

		uid := int64(pick(0, 0, 1000, 10001))
		gid := map[int64]int{0: 0, 1000: 1000, 10001: 0}[uid]
		after := evidence.Security{User: &uid, NoNewPrivs: pick(0, 1) == 1}
		capabilities := "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP"
		switch pick(0, 1, 2) {
		case 1:
			after.Drop, capabilities = []string{"ALL"}, ""
		case 2:
			after.Drop, after.Add, capabilities = []string{"ALL"}, []string{"NET_RAW"}, "NET_RAW"
		}
		s := start{
			Root: root, UID: int(uid), GID: gid, NoNewPrivs: after.NoNewPrivs, Dir: []string{"/", "/a/b", "/bin"}[random.IntN(3)],
			Program: []string{"/a/b/program", "/bin/script", "/bin/link", "/bin/up", "/bin/loop", "../bin/link", "./program"}[random.IntN(7)],
			WriteTo: []string{"/a", "/a/b", "/c/d"}[random.IntN(3)], Made: fmt.Sprint("file", i),
		}
		for _, name := range strings.Fields(capabilities) {
			s.Capabilities = append(s.Capabilities, capabilityNumbers[name])
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(self)
		command.Env = []string{startVariable + "=" + string(text)}
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}

		image := &evidence.Image{
			Config: evidence.Config{Entrypoint: []string{s.Program}, WorkingDir: s.Dir},
			Files: imagetest.New(t, lines.String(), map[string]string{
				"/bin/script": "#!/c/d/interpreter\n", "/etc/passwd": "root:x:0:0::/:\napp:x:1000:1000::/:\n",
			}),
		}
		c, f := &evidence.Container{After: after}, &evidence.Facts{Image: image}
		says := fmt.Sprintf("%d: user %d, %+v, directory %s, program %s, in\n%s", i, uid, after, s.Dir, s.Program, lines.String())
		if could, does := evidence.CanWrite(c, f, s.WriteTo), bytes.Contains(output, []byte("wrote")); could != does {
			t.Errorf("it writes to %s: the kernel says %t, and the evidence %t: %s", s.WriteTo, does, could, says)
		} else if does {
			wrote++
		}
		// What is not there does not start either; no setting is the reason.
		there := s.Program != "/bin/loop" && (s.Program != "./program" || s.Dir == "/a/b") && (s.Program != "../bin/link" || s.Dir != "/a/b")
		starts, does := evidence.Starts(c, f), bytes.Contains(output, []byte("started"))
		switch {
		case there && starts != does:
			t.Errorf("it starts: the kernel says %t, and the evidence %t: %s%s", does, starts, says, output)
		case there && does:
			started++
		case there:
			refused++
		}
	}
	if started < cases/10 || refused < cases/10 || wrote < cases/20 {
		t.Errorf("of %d cases %d start, %d do not, and %d write: that proves little", cases, started, refused, wrote)
	}
	t.Logf("of %d cases %d start, %d do not, and %d write", cases, started, refused, wrote)
}

// fileCapability is the extended attribute of a file capability such as NET_RAW+ep, by
// struct vfs_cap_data in linux/capability.h.
func fileCapability(text string) []byte {
	name, flags, _ := strings.Cut(text, "+")
	head := uint32(0x02000000)
	if strings.Contains(flags, "e") {
		head |= 1
	}
	var data []byte
	for _, word := range []uint32{head, 1 << capabilityNumbers[name], 0, 0, 0} {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	return data
}
