package governor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of a source.
const (
	sourceTime  = 15 * time.Second
	sourceBytes = 256 << 10
	sourceDepth = 16 // parts of a path into JSON
	soon        = 15 * time.Second
)

// Source is a number that a file or a server tells, in millionths. The zero value is none.
type Source struct {
	where   string
	url     *url.URL // nil for a file
	path    []string // into JSON; nil where the content is the number
	divisor int64
	parse   func(string) (int64, error)
}

// ParseSource reads http://…, https://… or file:PATH, each with #PATH behind it where the
// number is inside JSON, such as #data.0.price, and /N where it is to be divided:
// #data.0.price/1000 for one that is told for a megawatt-hour. ok is false where the text is
// no source. The text of a number is read by parse.
func ParseSource(text string, parse func(string) (int64, error)) (s Source, ok bool, err error) {
	s = Source{divisor: 1, parse: parse}
	where, path, inJSON := strings.Cut(text, "#")
	file, isFile := strings.CutPrefix(where, "file:")
	switch {
	case isFile:
		s.where = file
	case strings.HasPrefix(where, "http://"), strings.HasPrefix(where, "https://"):
		if s.url, err = url.Parse(where); err != nil {
			return s, true, fmt.Errorf("an address, got %q", clip(where))
		}
		s.where = s.url.Scheme + "://" + s.url.Host
	default:
		return s, false, nil
	}
	if s.where == "" || s.url != nil && s.url.Host == "" {
		return s, true, fmt.Errorf("a source http://HOST/PATH or file:PATH, got %q", clip(text))
	}
	if inJSON {
		path, by, divided := strings.Cut(path, "/")
		if divided {
			if s.divisor, err = strconv.ParseInt(by, 10, 64); err != nil || s.divisor < 1 || s.divisor > 1_000_000 {
				return s, true, fmt.Errorf("a divisor of 1 to 1000000 behind the path, got %q", clip(by))
			}
		}
		if s.path = strings.Split(path, "."); len(s.path) > sourceDepth {
			return s, true, fmt.Errorf("a path of at most %d parts, got %d", sourceDepth, len(s.path))
		}
	}
	return s, true, nil
}

// Name is where the number comes from, without what may be secret in an address.
func (s *Source) Name() string { return s.where }

// Read asks once.
func (s *Source) Read(ctx context.Context) (int64, error) {
	body, err := s.content(ctx)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", s.where, err)
	}
	text := strings.TrimSpace(string(body))
	if s.path != nil {
		if text, err = inside(body, s.path); err != nil {
			return 0, fmt.Errorf("read %s: %w", s.where, err)
		}
	}
	v, err := s.parse(text)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", s.where, err)
	}
	return v / s.divisor, nil
}

func (s *Source) content(ctx context.Context) ([]byte, error) {
	var in io.ReadCloser
	if s.url == nil {
		f, err := os.Open(s.where)
		if err != nil {
			return nil, err
		}
		in = f
	} else {
		ctx, cancel := context.WithTimeout(ctx, sourceTime)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String(), nil)
		if err != nil {
			return nil, errors.New("it is no address")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			var at *url.Error // names the whole address, which may have a key in it
			if errors.As(err, &at) {
				err = at.Err
			}
			return nil, err
		}
		in = resp.Body
		if resp.StatusCode != http.StatusOK {
			in.Close()
			return nil, fmt.Errorf("it answers %d", resp.StatusCode)
		}
	}
	defer in.Close()
	body, err := io.ReadAll(io.LimitReader(in, sourceBytes+1))
	if err == nil && len(body) > sourceBytes {
		err = fmt.Errorf("more than %d KiB", sourceBytes>>10)
	}
	return body, err
}

// inside finds a number or text in JSON.
func inside(body []byte, path []string) (string, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var at any
	if err := d.Decode(&at); err != nil {
		return "", fmt.Errorf("its JSON: %w", err)
	}
	for _, key := range path {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.ParseUint(key, 10, 16)
			if err != nil || int(i) >= len(v) {
				return "", fmt.Errorf("its JSON has no %q: the list has %d", clip(key), len(v))
			}
			at = v[i]
		default:
			at = nil
		}
	}
	switch v := at.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("its JSON has no number at %q", clip(strings.Join(path, ".")))
}

// follower keeps the last number of a source.
type follower struct {
	name  string
	every time.Duration
	read  func(context.Context) (int64, error)
	heard func() // after each reading
	none  bool   // zero is that nobody is there yet: it is asked again soon

	mu     sync.Mutex // guards what follows
	figure Figure
	err    error
}

// run asks again and again until ctx ends; sooner where it failed.
func (f *follower) run(ctx context.Context, clock func() time.Time) {
	for ctx.Err() == nil {
		v, err := f.read(ctx)
		if ctx.Err() != nil {
			return
		}
		f.mu.Lock()
		if f.err = err; err == nil {
			f.figure = Figure{Value: v, Known: true, At: clock()}
		}
		f.mu.Unlock()
		f.heard()
		wait := f.every
		if err != nil || f.none && v == 0 {
			wait = min(wait, soon)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// last is what was heard last, and why not more.
func (f *follower) last() (Figure, error) {
	if f == nil {
		return Figure{}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.figure, f.err
}
