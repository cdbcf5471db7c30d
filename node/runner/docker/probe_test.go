package docker

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"

	"github.com/rerig/rerig/node/runner"
)

// honest is what a helper sees in a sandbox that holds.
func honest() report {
	return report{
		Effective: "0000000000000000", Bounding: "0000000000000000", NoNewPrivs: "1", Seccomp: "2",
		Interfaces: []string{"lo"}, Writable: []string{"/out", "/run", "/tmp"}, Input: probeInput,
	}
}

// helperProgram plays the helper's part in a sandbox that shows itself as r.
func helperProgram(t *testing.T, r report) func(c *fakeContainer) int {
	return func(c *fakeContainer) int {
		switch c.config.Cmd[5] {
		case modeReport:
			text, _ := json.Marshal(r)
			c.print(streamStdout, string(text)+"\n")
			return 0
		case modeEat:
			c.setState(func(s *container.State) { s.OOMKilled = true })
			return 137
		case modeEcho:
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Error(err)
				return 1
			}
			defer l.Close()
			c.mu.Lock()
			c.port = l.Addr().(*net.TCPAddr).Port
			c.mu.Unlock()
			go func() { // ends with the listener
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					io.Copy(conn, conn)
					conn.Close()
				}
			}()
			c.print(streamStdout, "ready\n")
			<-c.killed
		}
		return 1
	}
}

// probing is a fake on which Probe succeeds.
func probing(t *testing.T, r report) *fakeEngine {
	f := newFake(t)
	f.program = helperProgram(t, r)
	f.execute = func(c *fakeContainer, argv []string, s rw) int {
		if argv[2] != strconv.Itoa(echoPort) {
			return 1
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return helperProcess([]string{argv[0], argv[1], strconv.Itoa(c.port)}, s)
	}
	return f
}

func TestProbe(t *testing.T) {
	t.Parallel()
	f := probing(t, honest())
	e := newEngine(t, f)
	caps, err := e.Probe(t.Context())
	want := runner.Caps{Pause: true, Dial: true, MemoryLimit: true, CPULimit: true, ProcessLimit: true, Rootless: false}
	if err != nil || caps != want {
		t.Errorf("probe gave %+v, %v; want %+v", caps, err, want)
	}
	wantNothingLeft(t, e, f)
	if left, err := os.ReadDir(e.config.DataDir); err != nil || len(left) != 0 {
		t.Errorf("probe left %v, %v", left, err)
	}
}

// TestProbeSaysWhatIsMissing: an engine without limits, pause or dialling is sold as that.
func TestProbeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := probing(t, honest())
	f.info.MemoryLimit, f.info.CPUCfsQuota, f.info.PidsLimit = false, false, false
	f.info.SecurityOptions = append(f.info.SecurityOptions, "name=rootless")
	f.special["POST /containers/{id}/pause"] = broken["500"]
	f.special["POST /containers/{id}/exec"] = broken["500"]
	e := newEngine(t, f)
	if caps, err := e.Probe(t.Context()); err != nil || caps != (runner.Caps{Rootless: true}) {
		t.Errorf("probe gave %+v, %v", caps, err)
	}
	if body := string(f.bodies["POST /containers/create"]); !strings.Contains(body, `"Memory":0`) || !strings.Contains(body, `"NanoCpus":0`) {
		t.Errorf("limits were asked for that the engine lacks: %s", body)
	}
}

// TestProbeRefusesWeakSandboxes: what a job sees inside counts, whatever the engine says.
func TestProbeRefusesWeakSandboxes(t *testing.T) {
	t.Parallel()
	for name, weaken := range map[string]func(*report){
		"capabilities":          func(r *report) { r.Effective = "00000000a80425fb" },
		"capabilities to gain":  func(r *report) { r.Bounding = "0000000000200000" },
		"no word of them":       func(r *report) { r.Effective = "" },
		"new privileges":        func(r *report) { r.NoNewPrivs = "0" },
		"no seccomp":            func(r *report) { r.Seccomp = "0" },
		"a network":             func(r *report) { r.Interfaces = []string{"lo", "eth0"} },
		"no loopback":           func(r *report) { r.Interfaces = nil },
		"a writable root":       func(r *report) { r.Writable = append([]string{"/"}, r.Writable...) },
		"a writable /in":        func(r *report) { r.Writable = append([]string{"/in"}, r.Writable...) },
		"no writable /out":      func(r *report) { r.Writable = r.Writable[1:] },
		"inputs of another job": func(r *report) { r.Input = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := honest()
			weaken(&r)
			f := probing(t, r)
			delete(f.info.Runtimes, "runsc")
			e := newEngine(t, f, func(c *Config, _ *patience) { c.AllowRunc = true })
			if caps, err := e.Probe(t.Context()); err == nil {
				t.Errorf("probe gave %+v", caps)
			}
		})
	}
	t.Run("memory without a limit", func(t *testing.T) {
		t.Parallel()
		f := probing(t, honest())
		plain := f.program
		f.program = func(c *fakeContainer) int {
			if c.config.Cmd[5] == modeEat {
				c.print(streamStdout, "held 1\n")
				return 0
			}
			return plain(c)
		}
		if _, err := newEngine(t, f).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "over its limit") {
			t.Errorf("probe gave %v", err)
		}
	})
}

// TestHelperSeesAnOpenSandbox has the real helper report from this process's surroundings,
// which are no sandbox, and wants that refused.
func TestHelperSeesAnOpenSandbox(t *testing.T) {
	t.Parallel()
	f := probing(t, honest())
	f.program = func(c *fakeContainer) int {
		var none strings.Reader
		return helperProcess(c.config.Cmd[4:], rw{&none, frameWriter{c.conn, &c.mu, streamStdout}, io.Discard})
	}
	if caps, err := newEngine(t, f).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "a job") {
		t.Errorf("probe gave %+v, %v", caps, err)
	}
}

// TestRefusedEngines: an engine whose sandbox would be weaker than promised is told of, with
// what to do, and starts nothing.
func TestRefusedEngines(t *testing.T) {
	t.Parallel()
	withoutGVisor := func(i *system.Info) { delete(i.Runtimes, "runsc") }
	for name, test := range map[string]struct {
		change func(*system.Info)
		api    string
		runc   bool
		want   string
	}{
		"no gVisor, not allowed":  {change: withoutGVisor, want: "install runsc"},
		"Windows containers":      {change: func(i *system.Info) { i.OSType = "windows" }, want: "Linux containers"},
		"no answer to the point":  {change: func(i *system.Info) { *i = system.Info{} }, want: "Linux ones"},
		"no processors":           {change: func(i *system.Info) { i.NCPU = 0 }, want: "processors"},
		"an API before the first": {api: "1.39", want: "update Docker"},
		"an API that is too old":  {api: "1.40", want: "update Docker"},
		"no API":                  {api: "none", want: "is it Docker"},
		"an API of garbage":       {api: "x.y", want: "API"},
		"no runtime at all":       {change: func(i *system.Info) { i.Runtimes = nil }, runc: true, want: "neither"},
		"no seccomp": {change: func(i *system.Info) {
			withoutGVisor(i)
			i.SecurityOptions = []string{"name=apparmor"}
		}, runc: true, want: "no seccomp"},
		"seccomp that lets all through": {change: func(i *system.Info) {
			withoutGVisor(i)
			i.SecurityOptions = []string{"name=seccomp,profile=unconfined"}
		}, runc: true, want: "unconfined"},
		"a profile that lets too much through": {change: func(i *system.Info) {
			withoutGVisor(i)
			i.ServerVersion = "20.10.24+dfsg1"
		}, runc: true, want: "io_uring"},
		"a version that says nothing": {change: func(i *system.Info) {
			withoutGVisor(i)
			i.ServerVersion = "dev"
		}, runc: true, want: "dev"},
		"seccomp of another profile": {change: func(i *system.Info) {
			withoutGVisor(i)
			i.SecurityOptions = []string{"name=seccomp,profile=/etc/mine.json"}
		}, runc: true, want: "mine.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if test.change != nil {
				test.change(&f.info)
			}
			switch test.api {
			case "":
			case "none":
				f.api = ""
			default:
				f.api = test.api
			}
			e := newEngine(t, f, impatient, func(c *Config, _ *patience) { c.AllowRunc = test.runc })
			if _, err := e.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("probe gave %v, want %q in it", err, test.want)
			}
			if _, err := e.Start(t.Context(), newSpec(t), nil, nil); err == nil {
				t.Error("a job was started all the same")
			}
			if n := len(f.seen("POST /containers/create")); n != 0 {
				t.Error("a container was made")
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	good := Config{Host: "unix:///run/docker.sock", Owner: "rig", DataDir: t.TempDir(), Helper: self}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"TCP":           func(c *Config) { c.Host = "tcp://10.0.0.1:2375" },
		"TCP with TLS":  func(c *Config) { c.Host = "tcp://10.0.0.1:2376" },
		"SSH":           func(c *Config) { c.Host = "ssh://miner@host" },
		"no scheme":     func(c *Config) { c.Host = "/var/run/docker.sock" },
		"no path":       func(c *Config) { c.Host = "unix://" },
		"no owner":      func(c *Config) { c.Owner = "" },
		"a false owner": func(c *Config) { c.Owner = "a=b,c" },
		"no directory":  func(c *Config) { c.DataDir = "" },
		"no helper":     func(c *Config) { c.Helper = c.Helper + ".missing" },
		"a directory":   func(c *Config) { c.Helper = os.TempDir() },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
	good.Host = ""
	if _, err := New(good); err == nil || !strings.Contains(err.Error(), "own socket") {
		t.Errorf("DOCKER_HOST over TCP gave %v", err)
	}
}

func TestSpecsRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, newFake(t))
	for name, change := range map[string]func(*runner.Spec){
		"no root":       func(s *runner.Spec) { s.Root = "" },
		"no program":    func(s *runner.Spec) { s.Args = nil },
		"little memory": func(s *runner.Spec) { s.MemoryBytes = minMemory - 1 },
		"no deadline":   func(s *runner.Spec) { s.Deadline = 0 },
		"no such root":  func(s *runner.Spec) { s.Root += "/missing" },
		"no such input": func(s *runner.Spec) { s.InDir += "/missing" },
	} {
		s := newSpec(t)
		change(&s)
		if _, err := e.Start(t.Context(), s, nil, nil); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

// TestScratchIsBounded: a size of 0 would be no limit at all.
func TestScratchIsBounded(t *testing.T) {
	t.Parallel()
	for _, bytes := range []uint64{0, 1, 1 << 20, 1 << 40} {
		tmpfs, shm := scratch(bytes)
		total := uint64(shm)
		for path, options := range tmpfs {
			_, size, _ := strings.Cut(options, "size=")
			n, err := strconv.ParseUint(size, 10, 64)
			if err != nil || n == 0 {
				t.Errorf("scratch of %d: %s has size %q", bytes, path, size)
			}
			total += n
		}
		if shm == 0 || bytes >= 1<<20 && total > bytes {
			t.Errorf("scratch of %d gives %d in all, %d of it shared memory", bytes, total, shm)
		}
	}
}
