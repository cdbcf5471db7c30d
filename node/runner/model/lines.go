package model

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

const (
	atOnce   = 4       // texts of a batch that share the work
	maxLine  = 1 << 20 // bytes of a request
	maxLines = 50_000
	answers  = "answers.jsonl"
)

// request is a line of a batch.
type request struct {
	ID     string                     `json:"custom_id"`
	Method string                     `json:"method"`
	URL    string                     `json:"url"`
	Body   map[string]json.RawMessage `json:"body"`
}

// reply is a line of the answers.
type reply struct {
	ID       string    `json:"custom_id"`
	Response *response `json:"response"`
	Error    *failure  `json:"error"`
}

type response struct {
	Status int             `json:"status_code"`
	Body   json.RawMessage `json:"body"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// good says whether the request was answered.
func (r *reply) good() bool { return r.Response != nil && r.Response.Status == http.StatusOK }

// answerLines answers a batch, in its order.
func (g *guest) answerLines(ctx context.Context, s *server, batch string) (err error) {
	in, err := os.Open(filepath.Join(g.in, batch))
	if err != nil {
		return fmt.Errorf("--jsonl: %w; give the file with --input", err)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(g.out, answers), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	work, ctx := errgroup.WithContext(ctx)
	pending := make(chan chan reply, atOnce) // in the batch's order; closed by the reader
	work.Go(func() error {
		defer close(pending)
		return eachLine(in, func(number int, line []byte, err error) error {
			one := make(chan reply, 1)
			select {
			case pending <- one:
			case <-ctx.Done():
				return ctx.Err()
			}
			work.Go(func() error { one <- s.one(ctx, number, line, err); return nil })
			return nil
		})
	})
	good, all := 0, 0
	work.Go(func() error {
		w := json.NewEncoder(out)
		for one := range pending {
			r := <-one
			if all++; r.good() {
				good++
			}
			if err := w.Encode(r); err != nil {
				return fmt.Errorf("write the answers: %w", err)
			}
		}
		return out.Sync()
	})
	if err := work.Wait(); err != nil {
		return err
	}
	if good < all {
		return &refusedError{fmt.Sprintf("%d of %d requests were not answered: %s says why", all-good, all, answers)}
	}
	return nil
}

// eachLine calls see for every line that is not empty. One that is too long has an error instead.
func eachLine(from io.Reader, see func(number int, line []byte, err error) error) error {
	r := bufio.NewReaderSize(from, 64<<10)
	for number := 1; ; number++ {
		var line []byte
		var long error
		part, more, err := r.ReadLine()
		for ; err == nil; part, more, err = r.ReadLine() {
			if len(line)+len(part) > maxLine {
				long = fmt.Errorf("over %d bytes", maxLine)
			}
			if long == nil {
				line = append(line, part...)
			}
			if !more {
				break
			}
		}
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && long == nil:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("read the batch: %w", err)
		case number > maxLines:
			return fmt.Errorf("the batch has more than %d lines; split it", maxLines)
		case len(line) == 0 && long == nil:
			continue
		}
		if err := see(number, line, long); err != nil {
			return err
		}
	}
}

// one answers a line, or says what is wrong with it.
func (s *server) one(ctx context.Context, number int, line []byte, bad error) (r reply) {
	var q request
	if bad == nil {
		bad = json.Unmarshal(line, &q)
	}
	r.ID = q.ID
	if bad == nil {
		bad = q.check()
	}
	if bad != nil {
		r.Error = &failure{"invalid_line", fmt.Sprintf("line %d: %v", number, bad)}
		return r
	}
	q.Body["model"] = json.RawMessage(`"` + name + `"`)
	resp, err := s.post(ctx, q.URL, q.Body)
	if err != nil {
		r.Error = &failure{"failed", fmt.Sprintf("line %d: %v", number, err)}
		return r
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is over %d bytes", maxAnswer)
	}
	if err != nil {
		r.Error = &failure{"failed", fmt.Sprintf("line %d: %v", number, err)}
		return r
	}
	r.Response = &response{resp.StatusCode, body}
	return r
}

// check refuses what is no request of the API.
func (q *request) check() error {
	var stream bool
	switch {
	case q.ID == "":
		return errors.New("custom_id is missing")
	case q.Method != "" && q.Method != http.MethodPost:
		return fmt.Errorf("method %q, want POST", q.Method)
	case q.URL != chatPath && q.URL != completePath:
		return fmt.Errorf("url %q, want %s or %s", q.URL, chatPath, completePath)
	case q.Body == nil:
		return errors.New("body is missing")
	}
	if raw, ok := q.Body["stream"]; ok && (json.Unmarshal(raw, &stream) != nil || stream) {
		return errors.New("stream: a batch is not streamed")
	}
	return nil
}
