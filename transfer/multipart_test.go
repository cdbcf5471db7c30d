package transfer

import (
	"context"
	"crypto/md5" //nolint:gosec // as S3 does
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestParts: a large file goes in parts. One that fails is sent again, an upload that was cut
// short goes on with the parts that are there, and one that is refused leaves none behind.
func TestParts(t *testing.T) {
	var fail atomic.Int64 // the status of the next third part
	ctx, cut := context.WithCancel(t.Context())
	puts := refusingStore(t, func(r *http.Request) int {
		if r.URL.Query().Get("partNumber") != "3" {
			return 0
		}
		if status := fail.Swap(0); status != 0 {
			if status == http.StatusBadGateway {
				cut()
			}
			return int(status)
		}
		return 0
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "film")
	const size = 4*partBytes + 7
	long := make([]byte, size)
	for i := 0; i < size; i += 4 << 10 {
		long[i] = byte(i >> 12)
	}
	long[size-1] = 'z'
	if err := os.WriteFile(file, long, 0o600); err != nil {
		t.Fatal(err)
	}
	b := theBucket(t)
	fail.Store(http.StatusForbidden)
	if _, err := PutDir(t.Context(), dir, "s3://scans/out", nil); err == nil || !strings.Contains(err.Error(), "part 3 of 5") || !strings.Contains(err.Error(), "403") {
		t.Fatalf("refused: %v", err)
	}
	if n := b.begun(t); n != 0 {
		t.Errorf("%d uploads are left of one that was refused", n)
	}
	fail.Store(http.StatusBadGateway)
	if _, err := PutDir(ctx, dir, "s3://scans/out", nil); err == nil {
		t.Fatal("cut short, and no error")
	}
	if n := b.begun(t); n != 1 {
		t.Fatalf("%d uploads are left of one that was cut short", n)
	}
	before := puts.Load()
	fail.Store(http.StatusServiceUnavailable)
	var last int64
	if _, err := PutDir(t.Context(), dir, "s3://scans/out", func(_ string, done, _ int64) { last = done }); err != nil || last != size {
		t.Fatalf("put %d bytes, %v", last, err)
	}
	if n := puts.Load() - before; n != 4 { // 3, which failed once, 4 and 5
		t.Errorf("%d parts were sent, want 4", n)
	}
	if n := b.begun(t); n != 0 {
		t.Errorf("%d uploads are left of one that is done", n)
	}
	kept := cache(t)
	kept.MaxBytes, kept.MaxFile = 2*size, size
	got, _, err := kept.Get(t.Context(), "s3://scans/out/film")
	if err != nil {
		t.Fatal(err)
	}
	if back, err := os.ReadFile(got); err != nil || md5.Sum(back) != md5.Sum(long) { //nolint:gosec // as above
		t.Errorf("it came back as %d other bytes, %v", len(back), err)
	}
	before = puts.Load()
	if _, err := PutDir(t.Context(), dir, "s3://scans/out", nil); err != nil || puts.Load() != before {
		t.Errorf("what is there was sent again: %v", err)
	}
}

func theBucket(t *testing.T) *bucket {
	t.Helper()
	b, err := newBucket(&url.URL{Scheme: "s3", Host: "scans"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// begun counts the uploads that have begun and not ended.
func (b *bucket) begun(t *testing.T) int {
	t.Helper()
	var list struct{ Upload []struct{ Key string } }
	if err := b.ask(t.Context(), http.MethodGet, b.base+"/?uploads=", nil, &list); err != nil {
		t.Fatal(err)
	}
	return len(list.Upload)
}

// TestPartSize: whole MiB, and at most 10,000 of them up to the largest object of S3.
func TestPartSize(t *testing.T) {
	for _, size := range []int64{wholeBytes + 1, maxParts * partBytes, maxParts*partBytes + 1, 5 << 40} {
		each := partSize(size)
		if n := (size + each - 1) / each; n > maxParts || each < partBytes || each%(1<<20) != 0 || each > 5<<30 {
			t.Errorf("%d bytes are %d parts of %d", size, n, each)
		}
	}
}
