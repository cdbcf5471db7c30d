package transfer

import (
	"context"
	"crypto/md5" //nolint:gosec // what S3 calls a plain object by; nothing is trusted for it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// bucket is an S3 bucket at its endpoint. Credentials and region are found where the AWS
// tools find them (see account).
type bucket struct {
	account
	base string // URL of the bucket, without a slash at the end
}

func newBucket(u *url.URL) (*bucket, error) {
	if strings.Contains(u.Host, "/") || u.User != nil || u.Port() != "" {
		return nil, fmt.Errorf("%s: s3://BUCKET/KEY", shown(u))
	}
	who, err := findAccount()
	if err != nil {
		return nil, err
	}
	b := &bucket{account: who}
	endpoint := os.Getenv("AWS_ENDPOINT_URL_S3")
	if endpoint == "" {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	if endpoint == "" {
		b.base = fmt.Sprintf("https://%s.s3.%s.amazonaws.com", u.Host, b.region)
		return b, nil
	}
	e, err := url.Parse(endpoint)
	if err != nil || e.Host == "" || e.Scheme != "https" && e.Scheme != "http" {
		return nil, errors.New("AWS_ENDPOINT_URL: an http or https URL")
	}
	b.base = strings.TrimSuffix(e.String(), "/") + "/" + u.Host
	return b, nil
}

// object is the URL of a key.
func (b *bucket) object(key string) string {
	return b.base + (&url.URL{Path: "/" + strings.TrimPrefix(key, "/")}).EscapedPath()
}

// sign signs a request (AWS Signature Version 4), or leaves it anonymous without a key.
// The body is not in the signature; TLS carries it.
func (b *bucket) sign(r *http.Request) {
	if b.key == "" {
		return
	}
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	*r = *signer.SignV4(*r, b.key, b.secret, b.token, b.region)
}

// PutDir takes the files below a directory to s3://BUCKET/PREFIX and returns their URLs.
// An object that is there already with the same content is left as it is. A file above 64 MiB
// goes in parts; where that is cut short, the next PutDir sends only those that are missing.
// It calls told, which may be nil, never twice at once and not after it has returned.
func PutDir(ctx context.Context, dir, to string, told func(name string, done, all int64)) (urls []string, err error) {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return nil, fmt.Errorf("%q: s3://BUCKET/PREFIX", to)
	}
	b, err := newBucket(u)
	if err != nil {
		return nil, err
	}
	defer browser.CloseIdleConnections()
	t := &teller{told: told}
	defer t.end()
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		key := path.Join(u.Path, filepath.ToSlash(rel))
		if err := b.put(ctx, file, key, func(done, all int64) { t.tell(rel, done, all) }); err != nil {
			return fmt.Errorf("s3://%s/%s: %w", u.Host, strings.TrimPrefix(key, "/"), err)
		}
		urls = append(urls, "s3://"+u.Host+"/"+strings.TrimPrefix(key, "/"))
		return nil
	})
	if err != nil {
		return urls, fmt.Errorf("put results: %w", err)
	}
	return urls, nil
}

// teller calls told for bodies, which a connection may still read after its answer came.
type teller struct {
	mu   sync.Mutex // held while told is called
	told func(name string, done, all int64)
}

func (t *teller) tell(name string, done, all int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told != nil {
		t.told(name, done, all)
	}
}

func (t *teller) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = nil
}

// put sends one file, again where the network failed.
func (b *bucket) put(ctx context.Context, file, key string, told func(done, all int64)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size > wholeBytes {
		return b.putParts(ctx, f, key, size, told)
	}
	sum := md5.New() //nolint:gosec // as above
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size)); err != nil {
		return err
	}
	tag := hex.EncodeToString(sum.Sum(nil))
	if same, err := b.holds(ctx, key, size, tag); err == nil && same { // else it is sent, which tells what is wrong
		told(size, size)
		return nil
	}
	return again(ctx, func() error { return b.send(ctx, f, key, size, told) })
}

// again does what may fail by the network, a few times.
func again(ctx context.Context, do func() error) error {
	wait := 250 * time.Millisecond
	for try := 1; ; try++ {
		err := do()
		var final *finalError
		if err == nil || ctx.Err() != nil || errors.As(err, &final) || try == tries {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 2
	}
}

// holds tells whether an object has the content already, by one of the tags that it may have.
func (b *bucket) holds(ctx context.Context, key string, size int64, tags ...string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, b.object(key), nil)
	if err != nil {
		return false, err
	}
	b.sign(req)
	res, err := browser.Do(req)
	if err != nil {
		return false, hidden(err)
	}
	_ = res.Body.Close() // it has none
	return res.StatusCode == http.StatusOK && res.ContentLength == size && slices.Contains(tags, strings.Trim(res.Header.Get("ETag"), `"`)), nil
}

func (b *bucket) send(ctx context.Context, f *os.File, key string, size int64, told func(done, all int64)) error {
	body := &sending{r: io.NewSectionReader(f, 0, size), all: size, told: told}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, b.object(key), body)
	if err != nil {
		return &finalError{err}
	}
	if req.ContentLength = size; size == 0 {
		req.Body = http.NoBody
	}
	res, err := b.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// do signs and asks. What is not answered with success is an error.
func (b *bucket) do(req *http.Request) (*http.Response, error) {
	b.sign(req)
	res, err := browser.Do(req)
	if err != nil {
		return nil, hidden(err)
	}
	if res.StatusCode/100 != 2 {
		return nil, errors.Join(refused(res), res.Body.Close())
	}
	return res, nil
}

// sending tells how much of a body was sent.
type sending struct {
	r    io.Reader
	done int64
	all  int64
	told func(done, all int64)
}

// Read reads on.
func (s *sending) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.done += int64(n)
	s.told(s.done, s.all)
	return n, err
}
