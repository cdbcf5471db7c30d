package transfer

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // what S3 calls a part by; nothing is trusted for it
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// wholeBytes is the longest file that is sent in one request.
	wholeBytes = 64 << 20
	// partBytes is the length of a part, unless there would be more than maxParts.
	partBytes = 16 << 20
	// maxParts is S3's own limit (Amazon S3 User Guide, "multipart upload limits").
	maxParts = 10_000
	// maxListBytes caps an answer that lists uploads or parts, of which a page has 1,000.
	maxListBytes = 4 << 20
	// abortWait is how long a server may take to drop an upload that came to nothing.
	abortWait = 10 * time.Second
)

// partSize is the length of all parts of a file but the last: whole MiB.
func partSize(size int64) int64 {
	least := (size + maxParts - 1) / maxParts
	return max(partBytes, (least+1<<20-1)>>20<<20)
}

// part is a piece of a file as S3 knows it.
type part struct {
	XMLName xml.Name `xml:"Part"`
	Number  int      `xml:"PartNumber"`
	ETag    string
	Size    int64 `xml:"Size,omitempty"`
	offset  int64
	sum     [md5.Size]byte
}

// parts reads the file through, and returns its parts and the tags that the whole may have:
// of an object that came in these parts, and of one that came at once.
func parts(f *os.File, size int64) (list []part, tags []string, err error) {
	all, whole, each := md5.New(), md5.New(), partSize(size) //nolint:gosec // as above
	for at := int64(0); at < size; at += each {
		p := part{Number: len(list) + 1, Size: min(each, size-at), offset: at}
		sum := md5.New() //nolint:gosec // as above
		if _, err := io.Copy(io.MultiWriter(sum, whole), io.NewSectionReader(f, at, p.Size)); err != nil {
			return nil, nil, err
		}
		p.sum = [md5.Size]byte(sum.Sum(nil))
		all.Write(p.sum[:])
		list = append(list, p)
	}
	return list, []string{fmt.Sprintf("%x-%d", all.Sum(nil), len(list)), hex.EncodeToString(whole.Sum(nil))}, nil
}

// putParts sends a file in parts. Those that an earlier try has brought there are not sent
// again. What the server refuses is dropped there; what the network cut short is left for the
// next time.
func (b *bucket) putParts(ctx context.Context, f *os.File, key string, size int64, told func(done, all int64)) error {
	list, tags, err := parts(f, size)
	if err != nil {
		return err
	}
	if same, err := b.holds(ctx, key, size, tags...); err == nil && same {
		told(size, size)
		return nil
	}
	var upload string
	if err := again(ctx, func() (err error) { upload, err = b.upload(ctx, key); return err }); err != nil {
		return err
	}
	err = b.fill(ctx, f, key, upload, list, func(done int64) { told(done, size) })
	if err == nil {
		err = again(ctx, func() error { return b.complete(ctx, key, upload, list) })
		if err != nil { // its answer may have been lost
			if same, err := b.holds(ctx, key, size, tags...); err == nil && same {
				return nil
			}
		}
	}
	var final *finalError
	if errors.As(err, &final) {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWait)
		defer cancel()
		if failed := b.abort(ending, key, upload); failed != nil {
			return fmt.Errorf("%w (and what was sent could not be dropped there: %w)", err, failed)
		}
	}
	return err
}

// fill sends the parts that the upload does not have.
func (b *bucket) fill(ctx context.Context, f *os.File, key, upload string, list []part, told func(done int64)) error {
	var there map[int]part
	if err := again(ctx, func() (err error) { there, err = b.there(ctx, key, upload); return err }); err != nil {
		return fmt.Errorf("list the parts that are there: %w", err)
	}
	for i := range list {
		p := &list[i]
		if old, ok := there[p.Number]; ok && old.Size == p.Size && strings.Trim(old.ETag, `"`) == hex.EncodeToString(p.sum[:]) {
			p.ETag = old.ETag
			told(p.offset + p.Size)
			continue
		}
		if err := again(ctx, func() error { return b.sendPart(ctx, f, key, upload, p, told) }); err != nil {
			return fmt.Errorf("part %d of %d: %w", p.Number, len(list), err)
		}
	}
	return nil
}

func (b *bucket) sendPart(ctx context.Context, f *os.File, key, upload string, p *part, told func(done int64)) error {
	body := &sending{r: io.NewSectionReader(f, p.offset, p.Size), told: func(done, _ int64) { told(p.offset + done) }}
	q := url.Values{"partNumber": {strconv.Itoa(p.Number)}, "uploadId": {upload}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, b.object(key)+"?"+q.Encode(), body)
	if err != nil {
		return &finalError{err}
	}
	req.ContentLength = p.Size
	req.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(p.sum[:]))
	res, err := b.do(req)
	if err != nil {
		return err
	}
	p.ETag = res.Header.Get("ETag")
	return res.Body.Close()
}

// upload is the newest upload of a key that has begun and not ended, or a new one.
func (b *bucket) upload(ctx context.Context, key string) (string, error) {
	name := strings.TrimPrefix(key, "/")
	var begun struct {
		Upload []struct {
			Key      string
			UploadID string `xml:"UploadId"`
		}
	}
	// Who may write may not always list: then a new one begins.
	if b.ask(ctx, http.MethodGet, b.base+"/?"+url.Values{"uploads": {""}, "prefix": {name}}.Encode(), nil, &begun) == nil {
		for i := len(begun.Upload) - 1; i >= 0; i-- { // of one key the oldest is first
			if u := begun.Upload[i]; u.Key == name && u.UploadID != "" {
				return u.UploadID, nil
			}
		}
	}
	var fresh struct {
		UploadID string `xml:"UploadId"`
	}
	if err := b.ask(ctx, http.MethodPost, b.object(key)+"?uploads=", nil, &fresh); err != nil {
		return "", err
	}
	if fresh.UploadID == "" {
		return "", &finalError{errors.New("the server begins an upload without an ID")}
	}
	return fresh.UploadID, nil
}

// there lists the parts of an upload by number.
func (b *bucket) there(ctx context.Context, key, upload string) (map[int]part, error) {
	there := map[int]part{}
	for marker, more := 0, true; more; {
		var page struct {
			Part        []part
			IsTruncated bool
			Next        int `xml:"NextPartNumberMarker"`
		}
		q := url.Values{"uploadId": {upload}, "part-number-marker": {strconv.Itoa(marker)}}
		if err := b.ask(ctx, http.MethodGet, b.object(key)+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Part {
			there[p.Number] = p
		}
		more = page.IsTruncated && page.Next > marker && len(there) < maxParts
		marker = page.Next
	}
	return there, nil
}

// complete makes an object of the parts.
func (b *bucket) complete(ctx context.Context, key, upload string, list []part) error {
	in := struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Parts   []part
	}{Parts: make([]part, len(list))}
	for i, p := range list {
		in.Parts[i] = part{Number: p.Number, ETag: p.ETag}
	}
	body, err := xml.Marshal(in)
	if err != nil {
		return &finalError{err}
	}
	var out struct { // S3 may say 200 before it fails
		XMLName xml.Name
		Code    string
	}
	if err := b.ask(ctx, http.MethodPost, b.object(key)+"?"+url.Values{"uploadId": {upload}}.Encode(), body, &out); err != nil {
		return err
	}
	if out.XMLName.Local == "Error" {
		return fmt.Errorf("the server says %.100q", out.Code)
	}
	return nil
}

// abort drops an upload and its parts.
func (b *bucket) abort(ctx context.Context, key, upload string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, b.object(key)+"?"+url.Values{"uploadId": {upload}}.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := b.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// ask sends a request and reads the XML that is the answer.
func (b *bucket) ask(ctx context.Context, method, to string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return &finalError{err}
	}
	res, err := b.do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxListBytes+1))
	if err != nil {
		return hidden(err)
	}
	if len(text) > maxListBytes {
		return &finalError{fmt.Errorf("the server's answer is longer than %d bytes", maxListBytes)}
	}
	if err := xml.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	return nil
}
