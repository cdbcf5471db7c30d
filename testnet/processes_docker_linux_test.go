package testnet_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// scriptedDocker is an engine that has runc and no runsc, and starts nothing.
type scriptedDocker struct {
	mu       sync.Mutex // guards what follows
	runtimes []string   // that containers were asked for with
}

// serve answers at a socket until the test ends, and returns its address.
func (d *scriptedDocker) serve(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server, ended := &http.Server{Handler: d}, make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l) // until it is closed
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
		_ = os.RemoveAll(dir)
	})
	return "unix://" + filepath.Join(dir, "s")
}

// ServeHTTP answers what a rig asks before it starts its first container.
func (d *scriptedDocker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if strings.HasPrefix(path, "/v1.") {
		path = path[strings.Index(path[1:], "/")+1:]
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.Method + " " + path {
	case "GET /_ping", "HEAD /_ping":
		w.Header().Set("Api-Version", "1.51")
		w.Header().Set("Ostype", "linux")
	case "GET /version":
		fmt.Fprint(w, `{"Version":"28.3.1","ApiVersion":"1.51"}`)
	case "GET /info":
		fmt.Fprint(w, `{"ServerVersion":"28.3.1","OSType":"linux","NCPU":2,"MemoryLimit":true,"CpuCfsQuota":true,"PidsLimit":true,
			"CgroupVersion":"2","Runtimes":{"runc":{"path":"runc"}},"SecurityOptions":["name=seccomp,profile=builtin","name=cgroupns"]}`)
	case "GET /images/json", "GET /containers/json":
		fmt.Fprint(w, `[]`)
	case "POST /images/create":
		fmt.Fprint(w, `{"status":"sha256:00"}`)
	case "POST /containers/create":
		var asked struct{ HostConfig struct{ Runtime string } }
		err := json.NewDecoder(r.Body).Decode(&asked)
		d.mu.Lock()
		d.runtimes = append(d.runtimes, fmt.Sprint(asked.HostConfig.Runtime, err))
		d.mu.Unlock()
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"message":"this engine is a script"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"page not found"}`)
	}
}

func (d *scriptedDocker) asked() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.runtimes, " ")
}

// containerUnderRunc: a Docker without gVisor is refused with the way out, and tried under runc
// by the miner's word alone. This engine is a script, which starts nothing, so that neither rig
// sells containers in the end.
func containerUnderRunc(s *scene) {
	d := &scriptedDocker{}
	env := []string{"DOCKER_HOST=" + d.serve(s.t)}
	careful, willing := s.rig("alice"), s.rig("carol")
	careful.env, willing.env = env, env
	first := s.up(careful, "--containers", "docker")
	s.until("a rig wants gVisor of its Docker", func() (bool, error) {
		return strings.Contains(first.log.String(), "it has no gVisor runtime") && strings.Contains(first.log.String(), "--allow-runc"), nil
	})
	if got := d.asked(); got != "" {
		s.t.Errorf("the careful rig asked for containers under %s", got)
	}
	second := s.up(willing, "--containers", "docker", "--allow-runc")
	s.until("a rig that may use runc tries it", func() (bool, error) {
		log := second.log.String()
		return strings.Contains(log, "jobs run under runc without a user namespace") && strings.Contains(log, "this engine is a script"), nil
	})
	if got := d.asked(); !strings.HasPrefix(got, "runc<nil>") || strings.Contains(got, "runsc") {
		s.t.Errorf("the willing rig asked for containers under %q", got)
	}
}
