package transfer

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// store is an S3 server with one bucket, and counts what is put there.
func store(t *testing.T) *atomic.Int64 { return refusingStore(t, func(*http.Request) int { return 0 }) }

// refusingStore answers with the status that refuse returns, unless that is 0.
func refusingStore(t *testing.T, refuse func(*http.Request) int) *atomic.Int64 {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("scans"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	var puts atomic.Int64
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=me/") {
			http.Error(w, "who are you", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		if status := refuse(r); status != 0 {
			http.Error(w, "not now", status)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "me")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a secret")
	return &puts
}

// TestS3: what a job made is put there once, and read again.
func TestS3(t *testing.T) {
	puts := store(t)
	dir := t.TempDir()
	for name, data := range map[string][]byte{"scan.png": content, "more/odd näme+.txt": []byte("x"), "empty": nil} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"s3://scans/out/empty", "s3://scans/out/more/odd näme+.txt", "s3://scans/out/scan.png"}
	for range 2 {
		var last int64
		urls, err := PutDir(t.Context(), dir, "s3://scans/out", func(_ string, done, _ int64) { last = done })
		if err != nil || !slices.Equal(urls, want) || last != int64(len(content)) {
			t.Fatalf("put %q (%d bytes of the last), %v", urls, last, err)
		}
	}
	if n := puts.Load(); n != 3 {
		t.Errorf("%d objects were sent for 3", n)
	}
	gets(t, cache(t), "s3://scans/out/scan.png", content)
	file, name, err := cache(t).Get(t.Context(), "s3://scans/out/more/odd näme+.txt")
	if err != nil || name != "odd näme+.txt" {
		t.Fatalf("%s, %v", name, err)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, []byte("x")) {
		t.Errorf("%q, %v", b, err)
	}
}

// TestS3Refusals: who may not, is told so, and no error has the key.
func TestS3Refusals(t *testing.T) {
	store(t)
	if _, _, err := cache(t).Get(t.Context(), "s3://scans/absent"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	if _, err := PutDir(t.Context(), os.TempDir(), "s3:///x", nil); err == nil {
		t.Error("no bucket, no error")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := PutDir(t.Context(), dir, "s3://scans", nil); err == nil || !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "ftp://x")
	if _, _, err := cache(t).Get(t.Context(), "s3://scans/a"); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
		t.Errorf("%v", err)
	}
}
