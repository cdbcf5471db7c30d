package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
)

const maxCustomID = 512 // bytes

// line is a request of a batch's file.
type line struct {
	CustomID string                     `json:"custom_id"`
	Method   string                     `json:"method"`
	URL      string                     `json:"url"`
	Body     map[string]json.RawMessage `json:"body"`
}

// lines calls f with each line of the input and its number, from 1.
func (p *player) lines(f func(n int, raw []byte) error) error {
	in, err := os.Open(p.bs.g.store.path(p.b.Input))
	if err != nil {
		return fmt.Errorf("the batch's file: %w", err)
	}
	defer in.Close()
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, maxBody+1<<10)
	n := 0
	for scan.Scan() {
		if n++; len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		if err := f(n, scan.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return f(n+1, nil)
	}
	return scan.Err()
}

// validate reads the whole file; found is what is wrong with it, nil if nothing.
func (p *player) validate() (found *batchErrors, total int, err error) {
	names := map[string]bool{}
	wrong := func(n int, code, message, param string) {
		if found == nil {
			found = &batchErrors{Object: "list"}
		}
		if len(found.Data) < maxLineErrors {
			e := lineError{Code: code, Message: message, Line: &n}
			if param != "" {
				e.Param = &param
			}
			found.Data = append(found.Data, e)
		}
	}
	err = p.lines(func(n int, raw []byte) error {
		var l line
		total++
		switch err := json.Unmarshal(raw, &l); {
		case err != nil:
			wrong(n, "invalid_json_line", "This line is not parseable as valid JSON.", "")
		case l.CustomID == "" || len(l.CustomID) > maxCustomID:
			wrong(n, "missing_required_parameter", fmt.Sprintf("custom_id must have 1 to %d bytes.", maxCustomID), "custom_id")
		case names[l.CustomID]:
			wrong(n, "duplicate_custom_id", "The custom_id '"+l.CustomID+"' was used before.", "custom_id")
		case l.Method != http.MethodPost:
			wrong(n, "invalid_method", "The method must be POST.", "method")
		case l.URL != p.b.Endpoint:
			wrong(n, "mismatched_url", "The url must be the batch's endpoint, "+p.b.Endpoint+".", "url")
		case l.Body == nil:
			wrong(n, "missing_required_parameter", "The body is missing.", "body")
		case total > maxLines:
			wrong(n, "too_many_requests", fmt.Sprintf("More than %d requests.", maxLines), "")
			return errDone
		}
		names[l.CustomID] = true
		return nil
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	if total == 0 && err == nil {
		wrong(1, "empty_file", "The file has no request.", "")
	}
	return found, total, err
}
