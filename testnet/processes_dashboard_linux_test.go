package testnet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/protocol"
)

// TestDashboard opens every page of a rig and of a node that buys, in a browser, while jobs
// run (SPEC §8.11).
func TestDashboard(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium: install the package of that name")
	}
	axe := axeSource(t)
	s := newSceneOf(t, build(t), 3*scenarioTime)
	m := rigtest.Mixed()
	m.CPUTempC = 48
	for i := range m.Cards {
		m.Cards[i].TempC, m.Cards[i].LoadPct, m.Cards[i].PowerW = 61+4*i, 97-i, 140+30*i
	}
	c := s.carded(node.HeldByNamespaces, m)
	born := uint64(time.Now().UnixMilli())
	c.up = s.up(c.alice, "--slots", "4", "--gpu-price", "36/h", "--sysroot", c.root, "--kwh", "0.15", "--dashboard", "127.0.0.1:0")
	carol := s.rig("carol")
	carol.env = []string{"RERIG_UP_CONTAINERS=off"}
	s.up(carol, "--price", "54/h")
	c.offered(2, born)
	c.hire([]string{"--vram", "6GiB"}, 0).exits(0)
	gone := c.hire([]string{"--vram", "10GiB"}, 600)
	c.prints(gone, largeCard)
	gone.finish(syscall.SIGINT, 130)
	claimed := c.collect(c.alice, c.bob)
	job := c.hire([]string{"--vram", "6GiB", "--budget", "20"}, 600)
	c.prints(job, smallCard)

	d := browse(s, chromium, axe)
	rig, buyer := c.page(c.alice), c.page(c.bob)
	d.open(rig)
	d.shows("rig", "RTX 3060", "RTX 3070", "busy", "free", "61 °C", "97 %", "kWh")
	d.until("both cards and the processors have their lines", `document.querySelectorAll(".chart canvas").length >= 3`)
	d.shows("money", "Promised vouchers held", "Collected in the escrow account 0 tUSDC", "Paid out taken out of the escrow, ever "+c.text(claimed), "Paid by 3 jobs", "redeem")
	d.shows("jobs", "run ", "staging ", "stopped", "settled", "INFO")
	d.shows("market", "an hour of a card with 8 GiB or more", "36 tUSDC/h the median", "▼ yours", "20 % below", "Fill rate", "Why not more jobs")
	d.shows("network", "direct, 0 relayed", "on this test network", "rerig", "ms", "in, ")
	d.keyboard("Market")
	d.open(buyer)
	d.shows("developer", "failed", "p95", "that the last 3 runs might have cost", "settled")
	d.has(`![...document.querySelectorAll("nav a")].some(a => a.textContent === "Money")`, "a node that sells nothing has a page of its money")
	job.finish(syscall.SIGINT, 130)
	d.clean()
}

// page is where a member's dashboard is.
func (c *carded) page(m *member) string {
	c.t.Helper()
	info, err := c.api(m).Info(c.ctx)
	c.must(err)
	if info.Dashboard == "" {
		c.t.Fatalf("%s has no dashboard", m.name)
	}
	return info.Dashboard
}

// text is an amount as the page writes it.
func (c *carded) text(a protocol.Amount) string {
	return node.Token{Symbol: c.net.Profile.TokenSymbol, Decimals: c.net.Profile.TokenDecimals}.Text(a)
}

// axeSource is the checker of pages that everybody uses, as web/ pins it.
func axeSource(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("needs npm for axe-core: install Node 20 or later")
	}
	file := "../web/node_modules/axe-core/axe.min.js"
	if _, err := os.Stat(file); err != nil {
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		npm.Dir = "../web"
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// driven is a browser on a dashboard.
type driven struct {
	s   *scene
	ctx context.Context
	axe string
	url string

	mu     sync.Mutex // guards what follows; events come from chromedp's goroutine
	origin map[string]bool
	wrong  []string
}

func browse(s *scene, chromium, axe string) *driven {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "rrweb")
	s.must(err)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(dir), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 900))
	alloc, stop := chromedp.NewExecAllocator(s.ctx, opts...)
	d := &driven{s: s, axe: axe, origin: map[string]bool{}}
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithListener(d.see))
	d.ctx = ctx
	s.t.Cleanup(func() {
		cancel()
		stop()
		s.until("the browser's files are gone", func() (bool, error) { return os.RemoveAll(dir) == nil, nil })
	})
	return d
}

// see keeps what must not be.
func (d *driven) see(ev any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(ev.Request.URL)
		if err != nil || u.Scheme != "about" && !d.origin[u.Scheme+"://"+u.Host] {
			d.wrong = append(d.wrong, "it asks for "+ev.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		d.wrong = append(d.wrong, fmt.Sprintf("exception: %v", ev.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if kind := string(ev.Type); kind == "error" || kind == "warning" {
			d.wrong = append(d.wrong, fmt.Sprintf("console %s: %s", kind, ev.Args[0].Value))
		}
	case *cdplog.EventEntryAdded:
		if level := string(ev.Entry.Level); level == "error" || level == "warning" {
			d.wrong = append(d.wrong, fmt.Sprintf("log: %s %s", ev.Entry.Text, ev.Entry.URL))
		}
	}
}

// clean fails for what the browser had to say.
func (d *driven) clean() {
	d.s.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.wrong {
		d.s.t.Error(w)
	}
}

func (d *driven) open(page string) {
	d.s.t.Helper()
	d.mu.Lock()
	d.origin[strings.TrimSuffix(page, "/")] = true
	d.mu.Unlock()
	d.url = page
	d.s.must(chromedp.Do(d.ctx, chromedp.Navigate(page)))
	d.until("the node is live", `document.querySelector(".state")?.textContent === "live"`)
}

// text is what the page shows, in one line.
const pageText = `(document.querySelector("main")?.innerText ?? "").replace(/\s+/g, " ")`

func (d *driven) until(what, js string) {
	d.s.t.Helper()
	last := ""
	ctx, cancel := context.WithTimeout(d.ctx, 2*time.Minute)
	defer cancel()
	if err := poll(ctx, func() (bool, error) {
		ok, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool]("Boolean("+js+")"))
		if err == nil && !ok {
			last, err = chromedp.Run(d.ctx, chromedp.Evaluate[string](pageText))
		}
		return ok, err
	}); err != nil {
		d.s.t.Errorf("wait until %s: %v; %s shows: %s", what, err, d.url, last)
	}
}

func (d *driven) has(js, otherwise string) {
	d.s.t.Helper()
	if ok, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool](js)); err != nil || !ok {
		d.s.t.Errorf("%s, %v", otherwise, err)
	}
}

// shows opens a page and waits until it tells all this; then looks at it as people do, on a
// desk by day and on a phone by night.
func (d *driven) shows(page string, words ...string) {
	d.s.t.Helper()
	d.s.must(chromedp.Do(d.ctx, chromedp.Navigate(d.url+"#/"+page)))
	for _, w := range words {
		js, err := json.Marshal(w)
		d.s.must(err)
		d.until(page+" tells "+w, pageText+`.includes(`+string(js)+`)`)
	}
	d.look(page, "desk", "light", 1280)
	d.look(page, "phone", "dark", 390)
}

func (d *driven) look(page, name, scheme string, width int64) {
	d.s.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	_, err := chromedp.Call(d.ctx, emulation.SetEmulatedMedia, media)
	d.s.must(err)
	d.s.must(chromedp.Do(d.ctx, chromedp.EmulateViewport(width, 900)))
	d.until("the page has its width", fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: %s)").matches`, width, scheme))
	wide, err := chromedp.Run(d.ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth"))
	if err != nil || int64(wide) > width {
		d.s.t.Errorf("%s on a %s is %d wide, the screen %d, %v", page, name, wide, width, err)
	}
	found, err := chromedp.Run(d.ctx, chromedp.Evaluate[[]string](`(async () => {`+d.axe+`;
		const r = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]});
		return r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + n.failureSummary).join(" | "));
	})()`, chromedp.EvalAwaitPromise))
	d.s.must(err)
	for _, f := range found {
		d.s.t.Errorf("%s on a %s: %s", page, name, f)
	}
	png, err := chromedp.Run(d.ctx, chromedp.FullScreenshot(100))
	d.s.must(err)
	d.s.must(os.MkdirAll("../build/screenshots", 0o755))
	d.s.must(os.WriteFile(filepath.Join("../build/screenshots", page+"-"+name+".png"), png, 0o644))
}

// keyboard goes through the page with the tab key: it comes to everything that can be used,
// and opens another page.
func (d *driven) keyboard(to string) {
	d.s.t.Helper()
	const all = `[...document.querySelectorAll("a[href], button, input, select, summary")].filter(e => e.checkVisibility())`
	count, err := chromedp.Run(d.ctx, chromedp.Evaluate[int](`document.activeElement?.blur(), window.reached = new Set(), `+all+`.length`))
	d.s.must(err)
	opened := false
	for range 3 * count {
		d.s.must(chromedp.Do(d.ctx, chromedp.KeyEvent("\t")))
		at, err := chromedp.Run(d.ctx, chromedp.Evaluate[string](`reached.add(document.activeElement), document.activeElement.textContent.trim()`))
		d.s.must(err)
		if done, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool](all+`.every(e => reached.has(e))`)); err == nil && done {
			opened = true
			break
		} else if err != nil {
			d.s.t.Fatal(at, err)
		}
	}
	if !opened {
		left, _ := chromedp.Run(d.ctx, chromedp.Evaluate[[]string](all+`.filter(e => !reached.has(e)).map(e => e.outerHTML)`))
		d.s.t.Errorf("the keyboard does not come to %v", left)
	}
	d.has(`[...document.querySelectorAll("nav a")].find(a => a.textContent === "`+to+`").focus() === undefined`, "no link to "+to)
	d.s.must(chromedp.Do(d.ctx, chromedp.KeyEvent("\r")))
	d.until("the key opens "+to, `document.querySelector("h1").textContent === "`+to+`"`)
}
