package docker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"

	"github.com/rerig/rerig/node/runner"
)

// impatient makes waits of an engine that does not answer short.
func impatient(_ *Config, p *patience) {
	*p = patience{
		call: 300 * time.Millisecond, start: time.Second, load: time.Second, sample: 100 * time.Millisecond,
		kill: 600 * time.Millisecond, drain: 300 * time.Millisecond, sweep: 20 * time.Millisecond,
	}
}

// starting are the requests without which no job starts.
var starting = []string{
	"HEAD /_ping", "GET /version", "GET /info", "POST /containers/create", "GET /images/json", "POST /images/create",
	"GET /containers/{id}/json", "POST /containers/{id}/attach", "POST /containers/{id}/start",
}

// broken are the ways in which an engine answers that it should not.
var broken = map[string]func(http.ResponseWriter, *http.Request) bool{
	"500": func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 500, "out of order"); return true },
	"garbage": func(w http.ResponseWriter, _ *http.Request) bool {
		io.WriteString(w, "\x00\xff<html>{{{")
		return true
	},
	"nothing": func(w http.ResponseWriter, r *http.Request) bool {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
		return true
	},
	"endless JSON": func(w http.ResponseWriter, r *http.Request) bool {
		io.WriteString(w, `{"a":"`)
		for chunk := bytes.Repeat([]byte("x"), 1<<16); ; {
			if _, err := w.Write(chunk); err != nil {
				return true
			}
		}
	},
	"silence": func(w http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true },
}

// TestBrokenAnswersStartNoJob breaks each request in each way: Start must fail, soon,
// leaving nothing in the engine that is not swept once it answers again.
func TestBrokenAnswersStartNoJob(t *testing.T) {
	t.Parallel()
	for how, answer := range broken {
		for _, route := range starting {
			if how == "endless JSON" && (route == "HEAD /_ping" || route == "POST /containers/{id}/start") {
				continue // has no body that is read
			}
			if how == "garbage" && route == "POST /containers/{id}/start" {
				continue // 200 is what it wants
			}
			t.Run(how+" for "+route, func(t *testing.T) {
				t.Parallel()
				f := newFake(t)
				var off atomic.Bool
				f.special[route] = func(w http.ResponseWriter, r *http.Request) bool { return !off.Load() && answer(w, r) }
				if route == "HEAD /_ping" { // the library asks again with another method
					f.special["GET /_ping"] = f.special[route]
				}
				e := newEngine(t, f, impatient)
				j, err := e.Start(t.Context(), newSpec(t), nil, nil)
				if err == nil {
					j.Stop()
					t.Fatalf("a job started")
				}
				if len(err.Error()) > 2<<10 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
				off.Store(true)
				wantNothingLeft(t, e, f)
			})
		}
	}
}

// TestEngineGoesAwayMidJob restarts the engine under a job: the job fails as the rig's
// fault, because its output may be cut, and its container is removed when the engine is back.
func TestEngineGoesAwayMidJob(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	begun := make(chan struct{})
	f.program = func(c *fakeContainer) int {
		c.print(streamStdout, "half")
		close(begun)
		<-c.killed
		return 0
	}
	e := newEngine(t, f, impatient)
	var out bytes.Buffer
	j, err := e.Start(t.Context(), newSpec(t), &out, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	f.stop()
	res, err := j.Wait()
	if err == nil || res.Failure == nil || res.Failure.Kind != runner.FailureInternal {
		t.Errorf("job ended with exit code %d, %v, %v; want the rig blamed", res.ExitCode, res.Failure, err)
	}
	if f.only() == nil {
		t.Fatal("the fake lost its container")
	}
	f.listen()
	wantNothingLeft(t, e, f)
}

// TestEngineThatDoesNotKill: a job's end is told in time, and its container swept later.
func TestEngineThatDoesNotKill(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int { <-c.killed; return 137 }
	var off atomic.Bool
	for _, route := range []string{"POST /containers/{id}/kill", "DELETE /containers/{id}", "GET /containers/{id}/stats"} {
		f.special[route] = func(w http.ResponseWriter, r *http.Request) bool { return !off.Load() && broken["silence"](w, r) }
	}
	e := newEngine(t, f, impatient)
	s := newSpec(t)
	s.Deadline = 20 * time.Millisecond
	if res := wantFailure(t, e, s, runner.FailureDeadline); res.ExitCode != 0 {
		t.Errorf("exit code is %d", res.ExitCode)
	}
	off.Store(true)
	wantNothingLeft(t, e, f)
}

// TestOrderOfTheEnd: the engine tells of a job's end by two connections, in any order.
func TestOrderOfTheEnd(t *testing.T) {
	t.Parallel()
	t.Run("the program ends long after its output", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.program = func(c *fakeContainer) int {
			c.print(streamStdout, "all")
			c.conn.Close()
			<-c.killed
			return 0
		}
		e := newEngine(t, f)
		s := newSpec(t)
		s.Deadline = 300 * time.Millisecond
		wantFailure(t, e, s, runner.FailureDeadline)
	})
	t.Run("the output ends after the program", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		told := make(chan struct{})
		f.special["POST /containers/{id}/wait"] = func(w http.ResponseWriter, r *http.Request) bool {
			io.WriteString(w, `{"StatusCode":5}`)
			close(told)
			return true
		}
		f.program = func(c *fakeContainer) int {
			<-told
			for range 100 {
				c.print(streamStdout, strings.Repeat("x", 1000))
			}
			return 5
		}
		e := newEngine(t, f)
		if res, out, _, err := run(t, e, newSpec(t)); err != nil || res.ExitCode != 5 || len(out) != 100_000 {
			t.Errorf("job gave %d, %d bytes, %v", res.ExitCode, len(out), err)
		}
	})
	t.Run("the output never ends", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.special["POST /containers/{id}/wait"] = func(w http.ResponseWriter, r *http.Request) bool {
			io.WriteString(w, `{"StatusCode":0}`)
			return true
		}
		f.program = func(c *fakeContainer) int { <-c.killed; return 0 }
		wantFailure(t, newEngine(t, f, impatient), newSpec(t), runner.FailureInternal)
	})
	t.Run("it has ended when the start returns", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.program = func(c *fakeContainer) int { c.print(streamStderr, "bye"); return 9 }
		f.special["POST /containers/{id}/wait"] = func(http.ResponseWriter, *http.Request) bool {
			<-f.only().ended
			return false
		}
		if res, _, errs, err := run(t, newEngine(t, f), newSpec(t)); err != nil || res.ExitCode != 9 || errs != "bye" {
			t.Errorf("job gave %d, %q, %v", res.ExitCode, errs, err)
		}
	})
}

// TestLyingEnds: numbers that no engine gives are the rig's trouble, not the job's.
func TestLyingEnds(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"negative": `{"StatusCode":-1}`, "large": `{"StatusCode":4294967296}`, "garbage": `]`, "empty": ``,
		"error": `{"StatusCode":0,"Error":{"Message":"lost"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.special["POST /containers/{id}/wait"] = func(w http.ResponseWriter, r *http.Request) bool {
				io.WriteString(w, answer)
				return true
			}
			wantFailure(t, newEngine(t, f, impatient), newSpec(t), runner.FailureInternal)
		})
	}
}

// TestForeignFrames: a stream that is none is refused without memory for what it claims.
func TestForeignFrames(t *testing.T) {
	t.Parallel()
	huge := binary.BigEndian.AppendUint32([]byte{streamStdout, 0, 0, 0}, math.MaxUint32)
	for name, raw := range map[string]string{
		"plain text": "hello, this is no frame", "unknown stream": "\x09\x00\x00\x00\x00\x00\x00\x01x",
		"cut header": "\x01\x00\x00", "frame of 4 GiB that is cut": string(huge) + "x",
		"an error of the engine": "\x03\x00\x00\x00\x00\x00\x00\x04lost",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.program = func(c *fakeContainer) int {
				io.WriteString(c.conn, raw)
				return 0
			}
			wantFailure(t, newEngine(t, f), newSpec(t), runner.FailureInternal)
		})
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x02ab\x02\x00\x00\x00\x00\x00\x00\x01c"))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\xff\xff\xff\xffx"))
	f.Add([]byte("\x03\x00\x00\x00\x00\x00\x00\x02no"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var out, errs bytes.Buffer
		err := copyFrames(bytes.NewReader(raw), &out, &errs)
		if out.Len()+errs.Len() > max(len(raw)-frameHeader, 0) {
			t.Errorf("%d bytes gave %d of payload", len(raw), out.Len()+errs.Len())
		}
		if err != nil {
			return
		}
		// What was read in full is written again the same, but for empty frames.
		var again bytes.Buffer
		for rest := raw; len(rest) > 0; {
			n := frameHeader + int(binary.BigEndian.Uint32(rest[4:]))
			if rest[0] == streamStdout {
				again.Write(rest[frameHeader:n])
			}
			rest = rest[n:]
		}
		if !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Errorf("stdout is %q, want %q", out.Bytes(), again.Bytes())
		}
	})
}

// TestWeakerContainerIsRefused changes what the engine makes of the request, one point at a
// time: no such container may start.
func TestWeakerContainerIsRefused(t *testing.T) {
	t.Parallel()
	for name, weaken := range map[string]func(*container.HostConfig){
		"network":            func(h *container.HostConfig) { h.NetworkMode = "bridge" },
		"writable root":      func(h *container.HostConfig) { h.ReadonlyRootfs = false },
		"privileged":         func(h *container.HostConfig) { h.Privileged = true },
		"capabilities kept":  func(h *container.HostConfig) { h.CapDrop = nil },
		"capabilities added": func(h *container.HostConfig) { h.CapAdd = []string{"CAP_SYS_ADMIN"} },
		"new privileges":     func(h *container.HostConfig) { h.SecurityOpt = []string{"label=disable"} },
		"no seccomp": func(h *container.HostConfig) {
			h.SecurityOpt = append(h.SecurityOpt, "seccomp=unconfined")
		},
		"host's processes":  func(h *container.HostConfig) { h.PidMode = "host" },
		"host's IPC":        func(h *container.HostConfig) { h.IpcMode = "host" },
		"host's cgroups":    func(h *container.HostConfig) { h.CgroupnsMode = "host" },
		"host's users":      func(h *container.HostConfig) { h.UsernsMode = "host" },
		"devices":           func(h *container.HostConfig) { h.Devices = []container.DeviceMapping{{PathOnHost: "/dev/kvm"}} },
		"another's volumes": func(h *container.HostConfig) { h.VolumesFrom = []string{"x"} },
		"binds":             func(h *container.HostConfig) { h.Binds = []string{"/:/host"} },
		"runtime":           func(h *container.HostConfig) { h.Runtime = "runc" },
		"memory":            func(h *container.HostConfig) { h.Memory = 0 },
		"swap":              func(h *container.HostConfig) { h.MemorySwap *= 2 },
		"CPUs":              func(h *container.HostConfig) { h.NanoCPUs = 0 },
		"processes":         func(h *container.HostConfig) { h.PidsLimit = nil },
		"unmasked proc":     func(h *container.HostConfig) { h.MaskedPaths = []string{} },
		"a mount writable":  func(h *container.HostConfig) { h.Mounts[0].ReadOnly = false },
		"a mount elsewhere": func(h *container.HostConfig) { h.Mounts[0].Source = "/" },
		"a mount missing":   func(h *container.HostConfig) { h.Mounts = h.Mounts[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.mutate = weaken
			e := newEngine(t, f)
			if _, err := e.Start(t.Context(), newSpec(t), nil, nil); err == nil || !strings.Contains(err.Error(), "not make the sandbox") {
				t.Errorf("a weaker container gave %v", err)
			}
			if n := len(f.seen("POST /containers/{id}/start")); n != 0 {
				t.Error("a weaker container was started")
			}
			wantNothingLeft(t, e, f)
		})
	}
}

// TestSweepTakesOnlyLeftovers leaves other owners' containers and running jobs alone.
func TestSweepTakesOnlyLeftovers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	add := func(id, owner string) {
		c := &fakeContainer{engine: f, id: id, name: "rerig-" + id, killed: make(chan struct{}), ended: make(chan struct{})}
		c.config.Config = &container.Config{Labels: map[string]string{ownerLabel: owner}}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.containers[id] = c
	}
	has := func(id string) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.containers[id] != nil
	}
	add("left", "rig-1")
	add("other", "rig-2")
	add("plain", "")
	f.program = func(c *fakeContainer) int { <-c.killed; return 137 }
	var fails atomic.Int32
	f.special["DELETE /containers/{id}"] = func(w http.ResponseWriter, _ *http.Request) bool {
		if fails.Add(1) > 1 {
			return false
		}
		refuse(w, 500, "device or resource busy")
		return true
	}
	e := newEngine(t, f, impatient)
	eventually(t, "what an earlier run left is removed", func() bool { return !has("left") })
	j, err := e.Start(t.Context(), newSpec(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	add("late", "rig-1")
	e.unclean()
	eventually(t, "what came later is removed", func() bool { return !has("late") })
	if !has("other") || !has("plain") || !has(j.(*Job).id) {
		t.Error("the sweep took more than leftovers")
	}
}

// TestSkeletonsAreBounded keeps the images lately used.
func TestSkeletonsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for i := range maxSkeletons {
		name := fmt.Sprintf("rerig-skeleton:%02d", i)
		f.images[name] = image.Summary{RepoTags: []string{name}, Created: int64(i), Labels: map[string]string{skeletonLabel: "rig-1"}}
	}
	f.images["mine:1"] = image.Summary{RepoTags: []string{"mine:1"}}
	e := newEngine(t, f)
	e.images.touch("rerig-skeleton:00")
	if res, _, _, err := run(t, e, newSpec(t)); err != nil || res.Failure != nil {
		t.Fatal(res, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, oldest := f.images["rerig-skeleton:00"]
	_, second := f.images["rerig-skeleton:01"]
	_, mine := f.images["mine:1"]
	if len(f.images) != maxSkeletons+1 || !oldest || second || !mine {
		t.Errorf("%d images are left; the one lately used: %t, the oldest other: %t, the miner's own: %t", len(f.images), oldest, second, mine)
	}
}

func TestCappedConnectionHoldsForStreams(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int {
		for c.print(streamStdout, "") == nil { // frames without payload cost no output
		}
		<-c.killed
		return 0
	}
	e := newEngine(t, f)
	s := newSpec(t)
	s.StdoutBytes = 10
	res, _ := func() (runner.Result, error) {
		j, err := e.Start(t.Context(), s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return j.Wait()
	}()
	if res.Failure == nil || res.Failure.Kind != runner.FailureInternal || !strings.Contains(res.Failure.Detail, "over the limit") {
		t.Errorf("an endless stream gave %v", res.Failure)
	}
}
