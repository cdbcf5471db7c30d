package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// patience is how long a script waits for another process on a busy machine.
const patience = 90 * time.Second

// TestMain makes this binary also the rerig that the scripts start as processes.
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"rerig": tidyMain, "keyholder": keyholder})
}

// TestScripts plays what needs no network.
func TestScripts(t *testing.T) { play(t, "testdata/script/*.txt") }

// TestNetwork plays a test network, rigs and requesters, each a process.
func TestNetwork(t *testing.T) { play(t, "testdata/network/*.txt") }

// TestSecondNodeRefused holds SPEC §8.1: one node per data directory.
func TestSecondNodeRefused(t *testing.T) { play(t, "testdata/second_node.txt") }

func play(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts match %s", pattern)
	}
	prepare := func(e *testscript.Env) error {
		e.Defer(func() { noLeaks(t, e) })
		return setup(e)
	}
	testscript.Run(t, testscript.Params{Files: files, RequireExplicitExec: true, Setup: prepare, Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": await, "serving": serving, "offers": offers, "runid": runID,
			"occupy": occupy, "blankjournal": blankJournal, "misprofile": misprofile, "isjson": isJSON,
			"clef": startClef, "settings": settings, "holds": holds, "absentkey": absentKey, "rig": writeRig, "rigfiles": rigFiles, "live": liveRig,
			"until": untilSays, "spoil": spoil, "lanprofile": lanProfile, "peers": peers, "ociimages": ociImages, "store": store, "outputs": outputs, "groupid": groupID,
		}})
}

// setup gives every script homes of its own and a profile of a network that is not
// there; the modules of the runner's tests are in $MODULES.
func setup(e *testscript.Env) error {
	modules, err := filepath.Abs("../../node/runner/wasm/testdata")
	keys, kerr := filepath.Abs("testdata/keys")
	picture, perr := filepath.Abs("demo/picture.png")
	if err = errors.Join(err, kerr, perr); err != nil {
		return err
	}
	for name, value := range map[string]string{"HOME": "home", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data",
		"RERIG_NETWORKS": "networks"} {
		e.Setenv(name, filepath.Join(e.WorkDir, value))
	}
	e.Setenv(leakDir, filepath.Join(e.WorkDir, "leaks"))
	if err := os.Mkdir(e.Getenv(leakDir), 0o700); err != nil {
		return err
	}
	e.Setenv("MODULES", modules)
	e.Setenv("KEYS", keys) // other wallets' keystores
	e.Setenv("PICTURE", picture)
	for _, name := range []string{"RERIG_UP_CONTAINERS", "RERIG_DOCTOR_CONTAINERS"} {
		e.Setenv(name, containersOff) // this rerig is the test binary, and no sandbox
	}
	nowhere := &node.Profile{Name: "local", RPC: []string{"http://127.0.0.1:1"}, ChainID: 31337, Escrow: protocol.Address{1}.String(),
		Token: protocol.Address{2}.String(), TokenSymbol: "tUSDC", TokenDecimals: 6, Local: true}
	public := *nowhere
	public.Name, public.Local = "public", false
	return errors.Join(nowhere.Write(filepath.Join(e.WorkDir, "networks", "nowhere.toml")),
		public.Write(filepath.Join(e.WorkDir, "networks", "public.toml")))
}

// exits CODE COMMAND ARGS… runs a command that must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// until polls what other processes do.
func until(ts *testscript.TestScript, what string, f func(context.Context) (bool, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := false
	err := poll(ctx, patience, func() (bool, error) {
		ok, err := f(ctx)
		done = ok
		return ok, err
	})
	if err != nil || !done {
		ts.Fatalf("wait for %s: %v", what, err)
	}
}

// await FILE waits until a file is there.
func await(ts *testscript.TestScript, neg bool, args []string) {
	until(ts, args[0], func(context.Context) (bool, error) {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return (err == nil) != neg, nil
	})
}

// on calls f with a client of the directory's node while one runs.
func on(ts *testscript.TestScript, dir string, f func(context.Context, *client.Client) (bool, error)) {
	until(ts, "the node in "+dir, func(ctx context.Context) (bool, error) {
		c, err := client.Connect(ctx, ts.MkAbs(dir))
		if err != nil {
			return false, nil
		}
		defer c.Close()
		ok, err := f(ctx, c)
		return ok && err == nil, nil
	})
}

// serving DIR waits until a node runs, has its chain and, as a rig, offers.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		info, err := c.Info(ctx)
		return err == nil && info.Chain.Online && (info.Rig == nil || info.Rig.Offering), err
	})
}

// offers DIR N waits until a node finds N offers.
func offers(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		found, err := c.Market(ctx, protocol.Filter{})
		return err == nil && len(found.Offers) == n, err
	})
}

// condition knows multicast: an interface that has it is up.
func condition(name string) (bool, error) {
	if name != "multicast" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	faces, err := net.Interfaces()
	return slices.ContainsFunc(faces, func(f net.Interface) bool {
		return f.Flags&net.FlagMulticast != 0 && f.Flags&net.FlagRunning != 0
	}), err
}

// peers DIR N waits until a node is connected to N others or more.
func peers(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		info, err := c.Info(ctx)
		return err == nil && info.Peers >= n, err
	})
}

// lanprofile writes the profile lan: a network of a name that no other test has, where
// nobody is known.
func lanProfile(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.Getenv("RERIG_NETWORKS")
	p, err := node.LoadProfile(filepath.Join(dir, "nowhere.toml"))
	ts.Check(err)
	p.Name = "lan-" + filepath.Base(ts.Getenv("WORK")) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	ts.Check(p.Write(filepath.Join(dir, "lan.toml")))
}

// runid DIR NAME STATE waits until the run of that name is in the state, and puts
// its ID into $ID and its rig into $RIG.
func runID(ts *testscript.TestScript, _ bool, args []string) {
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		runs, err := c.Runs(ctx)
		i := slices.IndexFunc(runs, func(st node.RunStatus) bool { return st.Name == args[1] && string(st.State) == args[2] })
		if i >= 0 {
			ts.Setenv("ID", runs[i].ID.Short())
			ts.Setenv("RIG", runs[i].Rig.String())
		}
		return i >= 0, err
	})
}

// spoil DIR NAME FILE changes the last byte of a file that the run of that name left.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		runs, err := c.Runs(ctx)
		i := slices.IndexFunc(runs, func(st node.RunStatus) bool { return st.Name == args[1] })
		if err != nil || i < 0 {
			return false, err
		}
		path := filepath.Join(runs[i].Dir, filepath.FromSlash(args[2]))
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return false, err
		}
		b[len(b)-1] ^= 1
		return true, errors.Join(os.Remove(path), os.WriteFile(path, b, 0o600))
	})
}

// occupy takes a port for the rest of the script and puts it into $PORT.
func occupy(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("PORT", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// blankjournal DIR overwrites the first page of a journal, as a bad disk may.
func blankJournal(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(filepath.Join(ts.MkAbs(args[0]), "journal.db"), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt([]byte(strings.Repeat("x", 512)), 0)
	ts.Check(errors.Join(err, f.Close()))
}

// misprofile FROM TO writes the profile FROM as TO-chain, which names another chain,
// and TO-escrow, which takes the token for the escrow.
func misprofile(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.Getenv("RERIG_NETWORKS")
	p, err := node.LoadProfile(filepath.Join(dir, args[0]+".toml"))
	ts.Check(err)
	chain, escrow := *p, *p
	chain.ChainID++
	escrow.Escrow = p.Token
	ts.Check(errors.Join(chain.Write(filepath.Join(dir, args[1]+"-chain.toml")), escrow.Write(filepath.Join(dir, args[1]+"-escrow.toml"))))
}

// isjson checks that the last standard output is one JSON document.
func isJSON(ts *testscript.TestScript, _ bool, _ []string) {
	if out := ts.ReadFile("stdout"); !json.Valid([]byte(out)) {
		ts.Fatalf("not JSON: %s", out)
	}
}

// TestEveryFlagHasAnEnv holds that no two flags of the tree share a variable or a
// config key, so that each can be set in every way.
func TestEveryFlagHasAnEnv(t *testing.T) {
	root := (&app{stdout: io.Discard, stderr: io.Discard}).root()
	keys := map[string]bool{}
	collect(root, keys)
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		name := strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s share the variable RERIG_%s", key, other, name)
		}
		seen[name] = key
	}
	for _, key := range []string{"data-dir", "output", "up.price", "run.budget", "testnet.up.rpc-port"} {
		if !keys[key] {
			t.Errorf("no key %s", key)
		}
	}
}
