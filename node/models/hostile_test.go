package models

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a bare connection to a session.
func (c *client) wire(text string) net.Conn {
	c.t.Helper()
	conn, err := c.Dial(c.t.Context(), Port)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// status reads one answer from a bare connection.
func status(t *testing.T, in *bufio.Reader) int {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestOnlyTheFourPaths: nothing else of the server is reached, however it is written.
func TestOnlyTheFourPaths(t *testing.T) {
	r := newRig(t, 100, "jargon")
	c := r.open("jargon")
	for _, line := range []string{"GET /", "GET /health", "POST /v1", "GET /v1/models/other", "POST /v1/completions/", "POST /v1//completions",
		"GET //v1/models", "POST /v1/files", "GET /../health", "GET /v1/models/../../health", "GET /v1/models/%2e%2e/%2e%2e/health", "OPTIONS *", "TRACE /x"} {
		method, path, _ := strings.Cut(line, " ")
		in := bufio.NewReader(c.wire(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path)))
		if got := status(t, in); got != http.StatusNotFound {
			t.Errorf("%s: %d", line, got)
		}
	}
	for line, want := range map[string]int{"DELETE /v1/models": 405, "GET /v1/completions": 405, "GET http://elsewhere/v1/models": 200, "GET /v1/models?x=1": 200, "GET /v1/models/jargon": 200} {
		in := bufio.NewReader(c.wire(line + " HTTP/1.1\r\nHost: x\r\n\r\n"))
		if got := status(t, in); got != want {
			t.Errorf("%s: %d, want %d", line, got, want)
		}
	}
	if _, err := c.Dial(t.Context(), 8080); err == nil {
		t.Error("another port answers")
	}
	if units := c.Units(); units != 0 {
		t.Errorf("%d units for nothing", units)
	}
}

// TestNoSmuggling: what one reader of a request might take for the next one is refused or is the
// body: after it the connection is closed.
func TestNoSmuggling(t *testing.T) {
	r := newRig(t, 100, "jargon")
	c := r.open("jargon")
	inner := "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
	for about, head := range map[string]string{
		"length and chunks":  fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", len(inner)+5, inner),
		"two lengths":        "Content-Length: 0\r\nContent-Length: 63\r\n\r\n" + inner,
		"unknown coding":     "Transfer-Encoding: xchunked\r\n\r\n" + inner,
		"coding with a tab":  "Transfer-Encoding:\tchunked, identity\r\n\r\n" + inner,
		"space before colon": "Content-Length : 3\r\n\r\n" + inner,
		"negative length":    "Content-Length: -1\r\n\r\n" + inner,
	} {
		conn := c.wire("") // the other end may stop reading on the way
		go func() {
			_, _ = io.WriteString(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\n"+head+
				"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		}()
		in, good := bufio.NewReader(conn), 0
		for {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				break
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				break
			}
			resp.Body.Close()
			good++
		}
		if good != 1 {
			t.Errorf("%s: %d answers to one request", about, good)
		}
		conn.Close()
	}
	if units := c.Units(); units != 0 {
		t.Errorf("%d units for nothing", units)
	}
	if got, body := c.say(completePath, complete("jargon", "x", 2)); got != http.StatusOK {
		t.Errorf("after that: %d %s", got, body)
	}
}

// TestHugeRequests are refused by their size, and cost nothing.
func TestHugeRequests(t *testing.T) {
	r := newRig(t, 100, "jargon")
	c := r.open("jargon")
	conn := c.wire("")
	go func() {
		_, _ = io.WriteString(conn, "GET /v1/models HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	}()
	if got := status(t, bufio.NewReader(conn)); got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a huge header: %d", got)
	}
	if got := status(t, bufio.NewReader(c.wire(fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", maxBody+1)))); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge body that is told: %d", got)
	}
	resp, err := c.http.Post("http://model/v1/completions", "application/json", struct{ io.Reader }{bytes.NewReader(make([]byte, maxBody+1))})
	if err == nil {
		resp.Body.Close()
	}
	if err == nil && resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge body that is not told: %v", resp.Status)
	}
	if got, body := c.say(completePath, complete("jargon", strings.Repeat("hack ", 300), 2)); got != http.StatusBadRequest || !bytes.Contains(body, []byte("context")) {
		t.Errorf("a prompt past the context: %d %s", got, body)
	}
	if got, _ := c.say(completePath, complete("other", "x", 2)); got != http.StatusNotFound {
		t.Errorf("another model's name: %d", got)
	}
	if units := c.Units(); units != 0 {
		t.Errorf("%d units for nothing", units)
	}
}

// TestFlood: a session that asks more than it may is told to wait, and another is answered
// meanwhile.
func TestFlood(t *testing.T) {
	r := newRig(t, 100, "jargon")
	flood, guest := r.open("jargon"), r.open("jargon")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	defer stop()
	if err := flood.Pause(); err != nil { // so that none ends before all are there
		t.Fatal(err)
	}
	for range maxPerSession {
		open.Go(func() {
			resp, err := flood.post(ctx, completePath, stream("jargon", "A hacker is", 250))
			if err != nil {
				return // it was stopped
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
		})
	}
	until(t, "the session has all it may have", func() bool {
		flood.mu.Lock()
		defer flood.mu.Unlock()
		return flood.flight >= maxPerSession
	})
	resp, err := flood.post(t.Context(), completePath, complete("jargon", "x", 1))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one request too many: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	if err := flood.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, "the flood is being answered", func() bool { return flood.Units() > 0 })
	if got, body := guest.say(completePath, complete("jargon", "x", 5)); got != http.StatusOK {
		t.Errorf("another session meanwhile: %d %s", got, body)
	}
	flood.mu.Lock()
	left := flood.flight
	flood.mu.Unlock()
	if left < maxPerSession/2 {
		t.Errorf("the other session waited until all but %d of the flood were answered", left)
	}
}

// TestSlowReader: an answer that nobody reads is not made on and on, and costs what was made.
func TestSlowReader(t *testing.T) {
	r := newRig(t, 100, "jargon")
	slow, guest := r.open("jargon"), r.open("jargon")
	body := `{"model":"jargon","prompt":"A hacker is","max_tokens":250,"n":8,"logprobs":20,"temperature":1.5,"stream":true}`
	for range 4 { // more than the server has places for texts
		slow.wire(fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	}
	until(t, "something was made for it", func() bool { return slow.Units() > 0 })
	for range 5 {
		if got, body := guest.say(completePath, complete("jargon", "kluge", 20)); got != http.StatusOK {
			t.Fatalf("another session meanwhile: %d %s", got, body)
		}
	}
	slow.Stop()
	if units := slow.Wait(); units == 0 || units > 4*8*250+4 {
		t.Errorf("what nobody read cost %d units", units)
	}
}

// TestHalfClosed: who sends no more still gets his answer or an end, and who goes stops it.
func TestHalfClosed(t *testing.T) {
	r := newRig(t, 100, "jargon")
	c := r.open("jargon")
	for _, text := range []string{"", "POST /v1/comp", "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"} {
		c.wire(text).Close()
	}
	body := stream("jargon", "A hacker is", 250)
	for range 8 {
		conn := c.wire(fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	until(t, "nothing is under way", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.flight == 0 && len(c.live) == 0
	})
	if units := c.Units(); units == 0 || units >= 8*250 {
		t.Errorf("eight answers that were left at their first token cost %d units", units)
	}
	if st := r.Status()[0]; st.Requests != 0 {
		t.Errorf("%d requests are left", st.Requests)
	}
}

// TestStopEndsAll: when a session is over so are its connections, and a new one is not let in.
func TestStopEndsAll(t *testing.T) {
	r := newRig(t, 100, "jargon")
	c := r.open("jargon")
	resp, err := c.post(t.Context(), completePath, stream("jargon", "A hacker is", 250))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	idle := c.wire("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := status(t, bufio.NewReader(idle)); got != http.StatusOK {
		t.Fatal(got)
	}
	c.Stop()
	units := c.Wait()
	if _, err := io.Copy(io.Discard, resp.Body); err == nil && units < 250 {
		t.Error("an answer of a session that is over looks whole")
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("a connection of a session that is over is open")
	}
	if _, err := c.Dial(t.Context(), Port); err == nil {
		t.Error("a session that is over lets somebody in")
	}
	if again := c.Units(); again != units {
		t.Errorf("%d units at the end, %d later", units, again)
	}
}
