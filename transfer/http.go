package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func (e *entry) origin() (origin, error) {
	switch e.url.Scheme {
	case "http", "https":
		return &web{e, e.url.String(), func(*http.Request) {}}, nil
	case "s3":
		b, err := newBucket(e.url)
		if err != nil {
			return nil, &finalError{err}
		}
		return &web{e, b.object(e.url.Path), b.sign}, nil
	}
	return nil, fmt.Errorf("%s: https, http or s3, got %q", shown(e.url), e.url.Scheme)
}

// answerWait is how long a server may take to begin its answer.
const answerWait = 30 * time.Second

// browser asks without cookies and follows few redirects.
var browser = &http.Client{
	Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: answerWait,
		DisableCompression: true, IdleConnTimeout: time.Second, MaxResponseHeaderBytes: 64 << 10},
	CheckRedirect: func(req *http.Request, via []*http.Request) error {
		switch {
		case len(via) >= 5:
			return errors.New("more than 5 redirects")
		case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
			return errors.New("redirected from https to " + req.URL.Scheme)
		}
		return nil
	},
}

// web is an origin that speaks HTTP (RFC 9110: ranges §14, If-Range §13.1.5).
type web struct {
	e    *entry
	url  string
	sign func(*http.Request)
}

func (w *web) open(ctx context.Context, from int64, have version) (io.ReadCloser, int64, version, bool, error) {
	none := version{}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url, nil)
	if err != nil {
		return nil, 0, none, false, &finalError{err}
	}
	strong := have.ETag != "" && !strings.HasPrefix(have.ETag, "W/") // only such promise equal bytes
	switch {
	case from > 0 && strong:
		req.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
		req.Header.Set("If-Range", have.ETag)
	case from == 0 && have.ETag != "":
		req.Header.Set("If-None-Match", have.ETag)
	}
	w.sign(req)
	res, err := browser.Do(req)
	if err != nil {
		return nil, 0, none, false, hidden(err)
	}
	v := version{ETag: res.Header.Get("ETag"), Size: res.ContentLength}
	switch {
	case res.StatusCode == http.StatusNotModified && req.Header.Get("If-None-Match") != "":
		return nil, 0, have, true, res.Body.Close()
	case res.StatusCode == http.StatusOK:
		return res.Body, 0, v, false, nil
	case res.StatusCode == http.StatusPartialContent && req.Header.Get("Range") != "":
		if v.Size, err = rest(res.Header.Get("Content-Range"), from); err == nil {
			return res.Body, from, v, false, nil
		}
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable: // it got shorter
		err = w.e.forget()
	default:
		err = refused(res)
	}
	if err == nil {
		err = errors.New("the file changed while it was fetched")
	}
	return nil, 0, none, false, errors.Join(err, res.Body.Close())
}

// refused is an answer that is none of the file.
func refused(res *http.Response) error {
	err := fmt.Errorf("the server says %s", res.Status)
	if res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusRequestTimeout {
		return &finalError{err}
	}
	return err
}

// hidden is an error without the URL, which may have a password in it.
func hidden(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// rest is the size of the whole in a Content-Range that goes on where it was asked to.
func rest(header string, from int64) (int64, error) {
	var first, last, all int64
	if _, err := fmt.Sscanf(header, "bytes %d-%d/%d", &first, &last, &all); err != nil || first != from || last != all-1 {
		return 0, fmt.Errorf("the server answers bytes %d- with %q", from, header)
	}
	return all, nil
}
