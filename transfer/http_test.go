package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		browser.CloseIdleConnections()
		os.Exit(code)
	}))
}

var content = bytes.Repeat([]byte("what a job reads\n"), 10_000)

// site is a server of one file. cut ends the first answers after so many bytes.
type site struct {
	*httptest.Server
	etag   atomic.Value
	body   atomic.Value
	cut    atomic.Int64
	served atomic.Int64 // bytes of content
	seen   atomic.Int64 // requests
	plain  bool         // knows no ranges
}

func newSite(t *testing.T) *site {
	s := &site{}
	s.etag.Store(`"one"`)
	s.body.Store(content)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Add(1)
		body := s.body.Load().([]byte)
		if r.URL.Path != "/data/scan.png" {
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", s.etag.Load().(string))
		if s.plain {
			r.Header.Del("Range")
			r.Header.Del("If-None-Match")
		}
		var out http.ResponseWriter = &counting{w, s}
		if n := s.cut.Swap(0); n > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			_, _ = out.Write(body[:n])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(body))
	}))
	t.Cleanup(s.Close)
	return s
}

type counting struct {
	http.ResponseWriter
	s *site
}

func (c *counting) Write(b []byte) (int, error) {
	c.s.served.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

func (s *site) file() string { return s.URL + "/data/scan.png" }

func cache(t *testing.T) *Cache {
	return &Cache{Dir: t.TempDir(), MaxBytes: 1 << 30, MaxFile: 1 << 20}
}

func gets(t *testing.T, c *Cache, url string, want []byte) {
	t.Helper()
	file, name, err := c.Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) || name != "scan.png" {
		t.Fatalf("%s has %d bytes of %d, %v", name, len(got), len(want), err)
	}
}

// TestGet: a file is fetched once, and again when it has changed.
func TestGet(t *testing.T) {
	s, c := newSite(t), cache(t)
	var done, all int64
	c.Told = func(d, a int64) { done, all = d, a }
	gets(t, c, s.file(), content)
	if done != int64(len(content)) || all != done {
		t.Errorf("told %d of %d", done, all)
	}
	gets(t, c, s.file(), content)
	if n := s.served.Load(); n != int64(len(content)) {
		t.Errorf("%d bytes were served for a file of %d", n, len(content))
	}
	other := []byte("another scan")
	s.body.Store(other)
	s.etag.Store(`"two"`)
	gets(t, c, s.file(), other)
}

// TestResume: what was cut short goes on where it stopped.
func TestResume(t *testing.T) {
	s, c := newSite(t), cache(t)
	s.cut.Store(100_000)
	gets(t, c, s.file(), content)
	if n := s.served.Load(); n > int64(len(content))+50_000 {
		t.Errorf("%d bytes were served for a file of %d", n, len(content))
	}
}

// TestChangedMeanwhile: a part of the old file is no part of the new one.
func TestChangedMeanwhile(t *testing.T) {
	s, c := newSite(t), cache(t)
	s.cut.Store(100_000)
	ctx, cancel := context.WithCancel(t.Context())
	c.Told = func(int64, int64) { cancel() }
	if _, _, err := c.Get(ctx, s.file()); err == nil {
		t.Fatal("a fetch that was cut short gave no error")
	}
	c.Told = nil
	other := bytes.ToUpper(content)
	s.body.Store(other)
	s.etag.Store(`"two"`)
	gets(t, c, s.file(), other)
	s.body.Store([]byte("short"))
	s.etag.Store(`"three"`)
	gets(t, c, s.file(), []byte("short"))
}

// TestServerWithoutRanges begins anew.
func TestServerWithoutRanges(t *testing.T) {
	s, c := newSite(t), cache(t)
	s.plain = true
	s.cut.Store(100_000)
	gets(t, c, s.file(), content)
	s.etag.Store(`W/"weak"`)
	gets(t, c, s.file(), content)
}

func TestRefusals(t *testing.T) {
	s, c := newSite(t), cache(t)
	for _, url := range []string{"https://", "ftp://host/a", "http://host/", "s3:/x", "http://[::1", s.URL + "/absent.png"} {
		if _, _, err := c.Get(t.Context(), url); err == nil {
			t.Errorf("%s was fetched", url)
		}
	}
	if n := s.seen.Load(); n != 1 {
		t.Errorf("a file that is not there was asked for %d times", n)
	}
	c.MaxFile = 1000
	var long *TooLongError
	if _, _, err := c.Get(t.Context(), s.file()); !errors.As(err, &long) || long.Limit != 1000 || long.Bytes != int64(len(content)) {
		t.Errorf("over the limit: %v", err)
	}
	secret := strings.Replace(s.file(), "http://", "http://me:secret@", 1)
	for _, url := range []string{secret, s.URL + "/absent.png?token=secret", "http://me:secret@/a", "https://?token=secret", "https://me:secret@h/", "http://h/%zz?secret"} {
		if _, _, err := c.Get(t.Context(), url); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("an error tells the password: %v", err)
		}
	}
}

// TestEndless: a server that never ends is left at the limit.
func TestEndless(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, "and on "); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c := cache(t)
	var long *TooLongError
	if _, _, err := c.Get(t.Context(), server.URL+"/scan.png"); !errors.As(err, &long) {
		t.Errorf("%v", err)
	}
}

// TestLyingRange: bytes of another place are not taken for the rest.
func TestLyingRange(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if asked.Add(1) == 1 {
			w.Header().Set("Content-Length", "20")
			_, _ = io.WriteString(w, "0123456789")
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("Range") != "" && asked.Load() < 4 {
			w.Header().Set("Content-Range", "bytes 5-19/20")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "567890123456789")
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("01234567890123456789"))
	}))
	defer server.Close()
	gets(t, cache(t), server.URL+"/scan.png", []byte("01234567890123456789"))
}

// TestEviction: the file used longest ago goes first.
func TestEviction(t *testing.T) {
	s, c := newSite(t), cache(t)
	c.MaxBytes = int64(len(content)) * 5 / 2
	for i := range 4 {
		gets(t, c, fmt.Sprintf("%s?%d", s.file(), i), content)
	}
	before := s.served.Load()
	gets(t, c, s.file()+"?3", content)
	gets(t, c, s.file()+"?2", content)
	if s.served.Load() != before {
		t.Error("the newest files were evicted")
	}
	gets(t, c, s.file()+"?0", content)
	if s.served.Load() == before {
		t.Error("the oldest file was kept past the limit")
	}
}

// TestStall: a server that falls silent in the middle is asked again.
func TestStall(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if asked.Add(1) > 1 {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:1000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	c := cache(t)
	c.Stall = 2 * time.Second
	gets(t, c, server.URL+"/scan.png", content)
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}
