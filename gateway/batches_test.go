package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// put sends a file of requests and returns its ID.
func (c *caller) put(lines ...string) string {
	c.t.Helper()
	res, raw := c.upload("batch", strings.Join(lines, "\n"))
	var f file
	if err := json.Unmarshal(raw, &f); err != nil || res.StatusCode != http.StatusOK || f.ID == "" {
		c.t.Fatalf("%d %s", res.StatusCode, raw)
	}
	return f.ID
}

func (c *caller) upload(purpose, content string, header ...string) (*reply, []byte) {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("purpose", purpose)
	part, _ := w.CreateFormFile("file", "in/../requests.jsonl")
	io.WriteString(part, content)
	w.Close()
	return c.post("/v1/files", b.String(), append([]string{"Content-Type", w.FormDataContentType()}, header...)...)
}

// batch begins one and returns its ID.
func (c *caller) batch(input, endpoint string) string {
	c.t.Helper()
	var b batch
	c.ask("/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":%q,"completion_window":"24h","metadata":{"for":"test"}}`, input, endpoint), &b)
	return b.ID
}

// until waits for a batch to be as it is wanted.
func (c *caller) until(id string, want func(*batch) bool) *batch {
	c.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		_, raw := c.send(http.MethodGet, "/v1/batches/"+id, "")
		var b batch
		if err := json.Unmarshal(raw, &b); err != nil {
			c.t.Fatalf("%s: %v", raw, err)
		}
		if want(&b) {
			return &b
		}
		if time.Now().After(end) {
			c.t.Fatalf("the batch stays %s", raw)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// said are a file's lines by custom_id.
func (c *caller) said(id *string) map[string]outLine {
	c.t.Helper()
	out := map[string]outLine{}
	if id == nil {
		return out
	}
	res, raw := c.send(http.MethodGet, "/v1/files/"+*id+"/content", "")
	if res.StatusCode != http.StatusOK {
		c.t.Fatalf("%d %s", res.StatusCode, raw)
	}
	for text := range strings.Lines(string(raw)) {
		var l outLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			c.t.Fatalf("%s: %v", text, err)
		}
		if _, twice := out[l.CustomID]; twice {
			c.t.Errorf("%s was answered twice", l.CustomID)
		}
		out[l.CustomID] = l
	}
	return out
}

func requestLine(id string, body string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/completions","body":%s}`, id, body)
}

// TestBatch: a file of requests is answered line by line, and what is wrong with one line is
// told there.
func TestBatch(t *testing.T) {
	m := &fakeMarket{}
	m.real(t, 1)
	c := begin(t, m, nil)
	lines := []string{requestLine("bad", `{`+prompt+`,"frobnicate":1}`), "", requestLine("nobody", `{"model":"gpt-9","prompt":"a"}`)}
	for i := range 20 {
		lines = append(lines, requestLine(fmt.Sprint("n", i), `{`+prompt+`,"max_tokens":12,"stream":true}`))
	}
	id := c.batch(c.put(lines...), "/v1/completions")
	b := c.until(id, (*batch).over)
	if b.Status != batchCompleted || b.Counts != (batchCounts{22, 20, 2}) || b.Metadata["for"] != "test" || b.Completed == nil || b.Output == nil || b.ErrorFile == nil {
		t.Fatalf("%+v", b)
	}
	answers := c.said(b.Output)
	for i := range 20 {
		l := answers[fmt.Sprint("n", i)]
		raw, _ := json.Marshal(l.Response)
		if l.Response == nil || l.Response.Status != 200 || !strings.Contains(string(raw), strings.TrimSpace(spoken)) || l.Error != nil {
			t.Errorf("line %d: %s", i, raw)
		}
	}
	faults := c.said(b.ErrorFile)
	if faults["bad"].Response.Status != 400 || faults["nobody"].Response.Status != 404 {
		t.Errorf("%+v", faults)
	}

	_, raw := c.send(http.MethodGet, "/v1/batches?limit=1", "")
	var list struct {
		Data    []batch
		HasMore bool `json:"has_more"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Data) != 1 || list.Data[0].ID != id || list.HasMore {
		t.Errorf("%s", raw)
	}
	_, raw = c.send(http.MethodGet, "/v1/files", "")
	if strings.Count(string(raw), `"object":"file"`) != 3 || !strings.Contains(string(raw), `"filename":"requests.jsonl"`) {
		t.Errorf("%s", raw)
	}
	if res, raw := c.send(http.MethodDelete, "/v1/files/"+*b.Output, ""); res.StatusCode != 200 {
		t.Errorf("%s", raw)
	}
	if res, _ := c.send(http.MethodGet, "/v1/files/"+*b.Output+"/content", ""); res.StatusCode != 404 {
		t.Errorf("a deleted file answers %d", res.StatusCode)
	}
}

// TestBatchRefuses a file that is not what a batch reads, with the lines.
func TestBatchRefuses(t *testing.T) {
	c := begin(t, &fakeMarket{}, nil)
	id := c.batch(c.put(`nonsense`, requestLine("a", `{}`), requestLine("a", `{}`), `{"custom_id":"g","method":"GET","url":"/v1/completions","body":{}}`,
		`{"custom_id":"u","method":"POST","url":"/v1/embeddings","body":{}}`, requestLine("", `{}`), `{"custom_id":"b","method":"POST","url":"/v1/completions"}`), "/v1/completions")
	b := c.until(id, (*batch).over)
	var got []string
	for _, e := range b.Errors.Data {
		got = append(got, fmt.Sprint(*e.Line, " ", e.Code))
	}
	want := []string{"1 invalid_json_line", "3 duplicate_custom_id", "4 invalid_method", "5 mismatched_url", "6 missing_required_parameter", "7 missing_required_parameter"}
	if b.Status != batchFailed || !slices.Equal(got, want) {
		t.Errorf("%s %v", b.Status, got)
	}
	input := c.put(`{}`)
	for body, param := range map[string]string{
		`{"input_file_id":"` + input + `","endpoint":"/v1/nothing","completion_window":"24h"}`:    "endpoint",
		`{"input_file_id":"` + input + `","endpoint":"/v1/completions","completion_window":"1h"}`: "completion_window",
		`{"input_file_id":"file-x","endpoint":"/v1/completions","completion_window":"24h"}`:       "id",
	} {
		if e := c.refuse("/v1/batches", body); e.param() != param {
			t.Errorf("%s: %+v", body, e)
		}
	}
	if res, raw := c.upload("fine-tune", "x"); res.StatusCode != 400 {
		t.Errorf("another purpose: %d %s", res.StatusCode, raw)
	}
	left, err := os.ReadDir(filepath.Join(c.g.config.Dir, "files"))
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// holder answers so many requests and then holds them.
type holder struct {
	mu    sync.Mutex
	left  int
	asked map[string]int
	held  chan struct{} // gets a value for each request that is held
}

func (h *holder) answer(w http.ResponseWriter, r *http.Request) {
	var q struct{ Prompt string }
	json.NewDecoder(r.Body).Decode(&q)
	h.mu.Lock()
	h.asked[q.Prompt]++
	h.left--
	hold := h.left < 0
	h.mu.Unlock()
	if hold {
		h.held <- struct{}{}
		<-r.Context().Done()
		return
	}
	fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"text\":\"of %s\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", q.Prompt)
}

// TestBatchResumes: a gateway that is started again goes on where the last one was, and asks
// for nothing twice that it has; also where the last one died in the middle of a line.
func TestBatchResumes(t *testing.T) {
	m := &fakeMarket{}
	h := &holder{left: 7, asked: map[string]int{}, held: make(chan struct{}, 100)}
	m.rig(t, 1, scripted(h.answer))
	dir := t.TempDir()
	c := begin(t, m, func(c *Config) { c.Dir = dir })
	var lines []string
	for i := range 20 {
		lines = append(lines, requestLine(fmt.Sprint(i), fmt.Sprintf(`{"model":"jargon","prompt":"p%d"}`, i)))
	}
	id := c.batch(c.put(lines...), "/v1/completions")
	for range sharedSlots {
		<-h.held
	}
	if b := c.until(id, func(b *batch) bool { return b.Counts.Completed == 7 }); b.Status != batchInProgress || b.Counts.Total != 20 {
		t.Errorf("%+v", b)
	}
	c.stop()
	part := filepath.Join(dir, "files", id+".answers"+partSuffix)
	raw, err := os.ReadFile(part)
	if err != nil || bytes.Count(raw, []byte("\n")) != 7 {
		t.Fatalf("%v\n%s", err, raw)
	}
	if err := os.WriteFile(part, append(raw, `{"id":"x","custom_id":"torn`...), 0o600); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.left = 1000
	h.mu.Unlock()
	again := begin(t, m, func(c *Config) { c.Dir = dir })
	b := again.until(id, (*batch).over)
	if b.Status != batchCompleted || b.Counts != (batchCounts{20, 20, 0}) || b.ErrorFile != nil {
		t.Fatalf("%+v", b)
	}
	answers := again.said(b.Output)
	twice := 0
	for i := range 20 {
		raw, _ := json.Marshal(answers[fmt.Sprint(i)].Response)
		if !strings.Contains(string(raw), fmt.Sprintf(`"of p%d"`, i)) {
			t.Errorf("line %d: %s", i, raw)
		}
		twice += h.asked[fmt.Sprint("p", i)] - 1
	}
	if twice != sharedSlots {
		t.Errorf("%d requests were asked again, want the %d that were open", twice, sharedSlots)
	}
	if _, err := os.Stat(part); err == nil {
		t.Error("the part is left")
	}
}

// TestBatchCancelled: what was answered by then is there.
func TestBatchCancelled(t *testing.T) {
	m := &fakeMarket{}
	h := &holder{left: 3, asked: map[string]int{}, held: make(chan struct{}, 100)}
	m.rig(t, 1, scripted(h.answer))
	c := begin(t, m, nil)
	var lines []string
	for i := range 20 {
		lines = append(lines, requestLine(fmt.Sprint(i), fmt.Sprintf(`{"model":"jargon","prompt":"p%d"}`, i)))
	}
	input := c.put(lines...)
	id := c.batch(input, "/v1/completions")
	<-h.held
	if res, _ := c.send(http.MethodDelete, "/v1/files/"+input, ""); res.StatusCode != 400 {
		t.Errorf("the file of an open batch is deleted: %d", res.StatusCode)
	}
	c.until(id, func(b *batch) bool { return b.Counts.Completed == 3 })
	if res, raw := c.post("/v1/batches/"+id+"/cancel", ""); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, raw)
	}
	b := c.until(id, (*batch).over)
	if b.Status != batchCancelled || len(c.said(b.Output)) != 3 || b.Cancelled == nil || b.Cancelling == nil {
		t.Errorf("%+v", b)
	}
	if res, _ := c.post("/v1/batches/"+id+"/cancel", ""); res.StatusCode != http.StatusConflict {
		t.Errorf("cancelled twice: %d", res.StatusCode)
	}
}

// TestBatchTooLarge: a batch whose answers take too much of the disk ends with an error, and
// with the answers that fit.
func TestBatchTooLarge(t *testing.T) {
	m := &fakeMarket{}
	m.rig(t, 1, scripted((&holder{left: 1000, asked: map[string]int{}}).answer))
	c := begin(t, m, nil)
	c.g.batches.most = 3000 // bytes
	var lines []string
	for i := range 50 {
		lines = append(lines, requestLine(fmt.Sprint(i), fmt.Sprintf(`{"model":"jargon","prompt":"p%d"}`, i)))
	}
	b := c.until(c.batch(c.put(lines...), "/v1/completions"), (*batch).over)
	if b.Status != batchFailed || b.Errors == nil || b.Errors.Data[0].Code != "output_too_large" || b.FailedAt == nil {
		t.Fatalf("%+v", b)
	}
	if n := len(c.said(b.Output)); n == 0 || n == len(lines) || n != b.Counts.Completed {
		t.Errorf("%d answers are there of %d", n, b.Counts.Completed)
	}
	_, raw := c.send(http.MethodGet, "/v1/files/"+*b.Output, "")
	var f file
	if err := json.Unmarshal(raw, &f); err != nil || f.Bytes > 3000 {
		t.Errorf("%s", raw)
	}
}

// TestBatchWithoutItsParts: a batch that has ended stays so, whatever becomes of what it leaves.
func TestBatchWithoutItsParts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a system that removes open files: run it on another")
	}
	m := &fakeMarket{}
	h := &holder{left: 0, asked: map[string]int{}, held: make(chan struct{}, 100)}
	m.rig(t, 1, scripted(h.answer))
	c := begin(t, m, nil)
	id := c.batch(c.put(requestLine("a", `{"model":"jargon","prompt":"a"}`)), "/v1/completions")
	<-h.held
	part := filepath.Join(c.g.config.Dir, "files", id+".errors"+partSuffix)
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(part, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if res, raw := c.post("/v1/batches/"+id+"/cancel", ""); res.StatusCode != http.StatusOK {
		t.Fatalf("%s", raw)
	}
	c.until(id, (*batch).over)
	c.stop()
	j, err := openJournal(c.g.config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.db.Close()
	b, err := scanBatch(j.db.QueryRow("SELECT owner, body FROM batches WHERE id = ?", id))
	if err != nil || b.Status != batchCancelled {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestBatchWaitsForTheDisk: where a batch's state cannot be kept it is tried again after a while,
// not at once and for ever; and it goes on when it can.
func TestBatchWaitsForTheDisk(t *testing.T) {
	m := &fakeMarket{}
	h := &holder{left: 0, asked: map[string]int{}, held: make(chan struct{}, 100)}
	m.rig(t, 1, scripted(h.answer))
	dir := t.TempDir()
	c := begin(t, m, func(c *Config) { c.Dir = dir })
	id := c.batch(c.put(requestLine("a", `{"model":"jargon","prompt":"a"}`)), "/v1/completions")
	<-h.held
	c.stop()

	log := &lockedBuffer{}
	g, err := New(Config{Listen: "127.0.0.1:0", Dir: dir, Budget: usual, Market: m, Text: text, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.journal.db.Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	g.batches.pause = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.batches.run(ctx) }()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(log.String(), "was not kept"); {
		if time.Now().After(end) {
			t.Fatal("nothing is told")
		}
		<-time.After(time.Millisecond)
	}
	for range 100 {
		g.batches.wake <- struct{}{}
	}
	if n := strings.Count(log.String(), "was not kept"); n != 1 {
		t.Errorf("tried %d times", n)
	}
	cancel()
	if err := errors.Join(<-ended, g.journal.db.Close()); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.left = 1000
	h.mu.Unlock()
	again := begin(t, m, func(c *Config) { c.Dir = dir })
	if b := again.until(id, (*batch).over); b.Status != batchCompleted || b.Counts.Completed != 1 {
		t.Errorf("%+v", b)
	}
}

// TestOthersFiles: nobody sees, reads or deletes what another key sent.
func TestOthersFiles(t *testing.T) {
	path, secrets := keyed(t, Key{Name: "a"}, Key{Name: "b"})
	keys, err := LoadKeys(path, tokens)
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, &fakeMarket{}, func(c *Config) { c.Keys = keys })
	as := func(name string) []string { return []string{"Authorization", "Bearer " + secrets[name]} }
	_, raw := c.upload("batch", "x", as("a")...)
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct{ method, path string }{{"GET", "/v1/files/" + f.ID}, {"GET", "/v1/files/" + f.ID + "/content"}, {"DELETE", "/v1/files/" + f.ID}} {
		if res, raw := c.send(try.method, try.path, "", as("b")...); res.StatusCode != 404 {
			t.Errorf("%s %s: %d %s", try.method, try.path, res.StatusCode, raw)
		}
	}
	if _, raw := c.send("GET", "/v1/files", "", as("b")...); strings.Contains(string(raw), f.ID) {
		t.Errorf("%s", raw)
	}
	if res, _ := c.send("GET", "/v1/files/..%2f..%2fgateway.db", "", as("b")...); res.StatusCode != 404 {
		t.Errorf("a path: %d", res.StatusCode)
	}
}
