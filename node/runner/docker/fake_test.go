package docker

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/runner"
)

// TestMain lets the fake start this very binary as the helper.
func TestMain(m *testing.M) {
	if Main() {
		return
	}
	goleak.VerifyTestMain(m)
}

// fakeEngine answers the Engine API on a unix socket as its script says, with a real HTTP
// server and real hijacked connections, and keeps every request.
type fakeEngine struct {
	t      *testing.T
	socket string
	server *http.Server

	// Set before the first request.
	api         string
	info        system.Info
	program     func(c *fakeContainer) int                               // what a container runs; its exit code
	execute     func(c *fakeContainer, argv []string, s rw) int          // what an exec runs
	refusal     string                                                   // why the helper refuses the program
	lateRefusal string                                                   // why the program could not be started after all
	mutate      func(*container.HostConfig)                              // what the engine makes of a HostConfig
	usage       func(c *fakeContainer) string                            // the answer to stats
	special     map[string]func(http.ResponseWriter, *http.Request) bool // by "METHOD /path" with {id}; true for answered

	mu         sync.Mutex
	requests   []string // "METHOD /path?query" with {id} and without the version
	bodies     map[string][]byte
	images     map[string]image.Summary
	containers map[string]*fakeContainer
	execs      map[string][]string // argv by exec ID
	codes      map[string]int
	made       int // containers and execs, for their IDs
	programs   sync.WaitGroup
}

// rw is an exec's streams.
type rw struct {
	in       io.Reader
	out, err io.Writer
}

type fakeContainer struct {
	engine *fakeEngine
	id     string
	name   string
	config container.CreateRequest
	ready  chan struct{} // closed when attached
	conn   net.Conn      // its output
	input  net.Conn
	killed chan struct{} // closed by kill or remove
	out    string        // its /out
	let    chan struct{} // closed when the lifeline is
	ended  chan struct{} // closed at the end
	kill   sync.Once

	mu     sync.Mutex // guards what follows
	state  container.State
	cpu    uint64
	memory uint64
	port   int // where an echo listens
}

func newFake(t *testing.T) *fakeEngine {
	dir, err := os.MkdirTemp("", "d") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &fakeEngine{
		t: t, socket: filepath.Join(dir, "s"), api: "1.51", bodies: map[string][]byte{},
		special: map[string]func(http.ResponseWriter, *http.Request) bool{},
		images:  map[string]image.Summary{}, containers: map[string]*fakeContainer{},
		execs: map[string][]string{}, codes: map[string]int{},
		program: func(*fakeContainer) int { return 0 },
		info: system.Info{
			ServerVersion: "28.3.1", OSType: "linux", NCPU: 4, MemoryLimit: true, CPUCfsQuota: true, PidsLimit: true, CgroupVersion: "2",
			Runtimes:        map[string]system.RuntimeWithStatus{"runc": {}, "runsc": {}},
			SecurityOptions: []string{"name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"},
		},
	}
	f.usage = func(c *fakeContainer) string {
		c.mu.Lock()
		defer c.mu.Unlock()
		return fmt.Sprintf(`{"cpu_stats":{"cpu_usage":{"total_usage":%d}},"memory_stats":{"usage":%d,"stats":{"inactive_file":1000000}}}`, c.cpu, 3_000_000+c.memory)
	}
	f.listen()
	t.Cleanup(func() {
		f.stop()
		for _, c := range f.containers {
			c.die()
		}
		f.programs.Wait()
	})
	return f
}

func (f *fakeEngine) listen() {
	l, err := net.Listen("unix", f.socket)
	if err != nil {
		f.t.Fatal(err)
	}
	f.server = &http.Server{Handler: f}
	go f.server.Serve(l) // ended by stop
}

// stop drops every connection, as an engine that restarts does.
func (f *fakeEngine) stop() {
	f.server.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		c.mu.Lock()
		for _, conn := range []net.Conn{c.conn, c.input} {
			if conn != nil {
				conn.Close()
			}
		}
		c.mu.Unlock()
	}
}

// seen are the requests so far, pings left out.
func (f *fakeEngine) seen(prefix string) (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.HasPrefix(r, prefix) && !strings.Contains(r, "/_ping") {
			list = append(list, r)
		}
	}
	return list
}

func (f *fakeEngine) only() *fakeContainer {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		return c
	}
	return nil
}

// ServeHTTP records a request and gives it to the script or to the engine.
func (f *fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if strings.HasPrefix(path, "/v1.") {
		path = path[strings.Index(path[1:], "/")+1:]
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	id, rest := "", ""
	if len(parts) > 1 && parts[1] != "json" && parts[1] != "create" && parts[0] != "_ping" {
		id, parts[1] = parts[1], "{id}"
		if len(parts) > 2 {
			rest = parts[2]
		}
	}
	route := r.Method + " /" + strings.Join(parts, "/")
	var body []byte
	if r.Method == http.MethodPost {
		body, _ = io.ReadAll(r.Body)
	}
	f.mu.Lock()
	line := route
	if q := r.URL.Query().Encode(); q != "" && parts[0] != "images" {
		line += "?" + q
	}
	f.requests = append(f.requests, line)
	f.bodies[route] = body
	special := f.special[route]
	c := f.containers[id]
	f.mu.Unlock()
	if special != nil && special(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch parts[0] {
	case "_ping":
		w.Header().Set("Api-Version", f.api)
		w.Header().Set("Ostype", "linux")
	case "version":
		json.NewEncoder(w).Encode(system.VersionResponse{Version: "28.0.0", APIVersion: f.api})
	case "info":
		json.NewEncoder(w).Encode(f.info)
	case "images":
		f.image(w, r, id)
	case "exec":
		f.exec(w, r, id, rest)
	case "containers":
		switch {
		case route == "POST /containers/create":
			f.create(w, r, body)
		case route == "GET /containers/json":
			f.list(w)
		case c == nil:
			refuse(w, 404, "no such container")
		default:
			f.container(w, r, c, r.Method+" "+rest, body)
		}
	default:
		refuse(w, 404, "page not found")
	}
}

func refuse(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"message":%q}`, text)
}

func (f *fakeEngine) image(w http.ResponseWriter, r *http.Request, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	switch r.Method {
	case http.MethodPost:
		_, label, _ := strings.Cut(q.Get("changes"), "LABEL ")
		key, value, _ := strings.Cut(label, "=")
		f.images[q.Get("repo")] = image.Summary{RepoTags: []string{q.Get("repo")}, Created: time.Now().Unix(), Labels: map[string]string{key: value}}
		io.WriteString(w, `{"status":"sha256:00"}`)
	case http.MethodGet:
		list := []image.Summary{}
		for _, i := range f.images {
			list = append(list, i)
		}
		json.NewEncoder(w).Encode(list)
	case http.MethodDelete:
		delete(f.images, id)
		io.WriteString(w, `[]`)
	}
}

func (f *fakeEngine) create(w http.ResponseWriter, r *http.Request, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	c := &fakeContainer{engine: f, id: fmt.Sprintf("c%d", f.made), name: r.URL.Query().Get("name"),
		out: f.t.TempDir(), ready: make(chan struct{}), let: make(chan struct{}), killed: make(chan struct{}), ended: make(chan struct{})}
	if err := json.Unmarshal(body, &c.config); err != nil {
		refuse(w, 400, err.Error())
		return
	}
	if _, ok := f.images[c.config.Image]; !ok {
		refuse(w, 404, "No such image: "+c.config.Image)
		return
	}
	c.state.Status = container.StateCreated
	if f.mutate != nil {
		f.mutate(c.config.HostConfig)
	}
	f.containers[c.id] = c
	w.WriteHeader(201)
	fmt.Fprintf(w, `{"Id":%q,"Warnings":[]}`, c.id)
}

func (f *fakeEngine) list(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []container.Summary{}
	for _, c := range f.containers {
		list = append(list, container.Summary{ID: c.id, Names: []string{"/" + c.name}, Labels: c.config.Labels})
	}
	json.NewEncoder(w).Encode(list)
}

func (f *fakeEngine) container(w http.ResponseWriter, r *http.Request, c *fakeContainer, what string, body []byte) {
	switch what {
	case "GET json":
		c.mu.Lock()
		defer c.mu.Unlock()
		state := c.state
		json.NewEncoder(w).Encode(container.InspectResponse{ID: c.id, State: &state, Config: c.config.Config, HostConfig: c.config.HostConfig})
	case "GET stats":
		io.WriteString(w, f.usage(c))
	case "POST attach":
		c.mu.Lock() // before the engine hears that it is attached
		defer c.mu.Unlock()
		conn, _ := hijack(w)
		if r.URL.Query().Get("stdin") != "1" {
			c.conn = conn
			return
		}
		c.input = conn
		close(c.ready)
	case "POST start":
		w.WriteHeader(204)
		c.setState(func(s *container.State) { s.Running = true })
		f.programs.Go(c.run)
	case "POST wait":
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		select {
		case <-c.ended:
			c.mu.Lock()
			defer c.mu.Unlock()
			fmt.Fprintf(w, `{"StatusCode":%d}`, c.state.ExitCode)
		case <-r.Context().Done():
		}
	case "POST kill":
		c.die()
		w.WriteHeader(204)
	case "POST pause":
		c.setState(func(s *container.State) { s.Paused = true })
		w.WriteHeader(204)
	case "POST unpause":
		c.setState(func(s *container.State) { s.Paused = false })
		w.WriteHeader(204)
	case "POST exec":
		var e container.ExecCreateRequest
		json.Unmarshal(body, &e)
		f.mu.Lock()
		f.made++
		id := fmt.Sprintf("%s-%d", c.id, f.made)
		f.execs[id] = e.Cmd
		f.mu.Unlock()
		fmt.Fprintf(w, `{"Id":%q}`, id)
	case "DELETE ":
		c.die()
		f.mu.Lock()
		delete(f.containers, c.id)
		f.mu.Unlock()
		w.WriteHeader(204)
	default:
		refuse(w, 404, "page not found: "+what)
	}
}

func (f *fakeEngine) exec(w http.ResponseWriter, r *http.Request, id, what string) {
	f.mu.Lock()
	argv := f.execs[id]
	cid, _, _ := strings.Cut(id, "-")
	c := f.containers[cid]
	code := f.codes[id]
	f.mu.Unlock()
	if what == "json" {
		fmt.Fprintf(w, `{"ID":%q,"Running":false,"ExitCode":%d}`, id, code)
		return
	}
	conn, in := hijack(w)
	defer conn.Close()
	var mu sync.Mutex
	code = f.execute(c, argv, rw{in, frameWriter{conn, &mu, streamStdout}, frameWriter{conn, &mu, streamStderr}})
	f.mu.Lock()
	f.codes[id] = code
	f.mu.Unlock()
}

// hijack answers as the engine does when it takes a connection over.
func hijack(w http.ResponseWriter) (net.Conn, io.Reader) {
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	return conn, buf
}

// frameWriter writes the multiplexed format.
type frameWriter struct {
	w      io.Writer
	mu     *sync.Mutex
	stream byte
}

func (f frameWriter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := binary.BigEndian.AppendUint32([]byte{f.stream, 0, 0, 0}, uint32(len(p)))
	if _, err := f.w.Write(append(h, p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// run is the container's life, with the helper's part in it.
func (c *fakeContainer) run() {
	<-c.ready
	code := 137
	if c.engine.refusal != "" {
		c.print(streamStdout, "\x01"+c.engine.refusal)
		code = 127
	} else {
		c.print(streamStdout, "\x00")
		trailer := make([]byte, trailerSize)
		if _, err := io.ReadFull(c.input, trailer); err == nil {
			go func() { // the lifeline; ends with the container
				io.Copy(io.Discard, c.input)
				close(c.let)
			}()
			code = c.engine.program(c)
			select {
			case <-c.killed:
			default:
				out := frameWriter{c.conn, &c.mu, streamStdout}
				switch {
				case c.engine.lateRefusal != "":
					out.Write(append(append(trailer, sayRefused), c.engine.lateRefusal...))
				case c.config.Cmd[3] == "":
					out.Write(append(trailer, sayReady))
				default:
					out.Write(append(trailer, sayReady))
					pack(c.out, out)
				}
			}
			select {
			case <-c.let:
			case <-c.killed:
			}
		}
	}
	select {
	case <-c.killed:
		code = 137
	default:
	}
	c.setState(func(s *container.State) { s.Running, s.ExitCode, s.Status = false, code, container.StateExited })
	c.conn.Close()
	c.input.Close()
	close(c.ended)
}

func (c *fakeContainer) die() { c.kill.Do(func() { close(c.killed) }) }

func (c *fakeContainer) setState(set func(*container.State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set(&c.state)
}

// print writes output as the program does.
func (c *fakeContainer) print(stream byte, text string) error {
	_, err := frameWriter{c.conn, new(sync.Mutex), stream}.Write([]byte(text))
	return err
}

// helperProcess runs this binary as the helper, as an engine would.
func helperProcess(argv []string, s rw) int {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := &exec.Cmd{Path: self, Args: argv, Stdout: s.out, Stderr: s.err}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		panic(err)
	}
	go func() { // ends with the connection
		io.Copy(in, s.in)
		in.Close()
	}()
	cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

// newEngine runs an Engine on a fake for one test.
func newEngine(t *testing.T, f *fakeEngine, change ...func(*Config, *patience)) *Engine {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg, patience := Config{Host: "unix://" + f.socket, Owner: "rig-1", DataDir: t.TempDir(), Helper: self}, defaultPatience
	for _, c := range change {
		c(&cfg, &patience)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.patience = patience
	return serve(t, e)
}

// serve runs an Engine until the test ends.
func serve(t *testing.T, e *Engine) *Engine {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }() // ended below
	<-e.Started()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// newRoot is a small root with one of everything.
func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"app": "program", "etc/passwd": "root:x:0:0::/:/bin/sh\n", "etc/ssl/ca": "ca", "usr/bin/tool": "tool", "tmp/old": "x"} {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"bin": "usr/bin", "etc/mtab": "/proc/mounts"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// newSpec is an ordinary job.
func newSpec(t *testing.T) runner.Spec {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	return runner.Spec{
		Root: newRoot(t), Args: []string{"/app", "x"}, Env: []string{"PATH=/usr/bin", "A=b"}, InDir: in, OutDir: out,
		MemoryBytes: 64 << 20, StdoutBytes: 1 << 20, OutputBytes: 1 << 20, OutputFiles: 8, Deadline: time.Minute,
		CPUs: 2, Processes: 32, ScratchBytes: 16 << 20,
	}
}
