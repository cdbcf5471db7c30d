package gateway

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	maxFile     = 200 << 20 // bytes of a file
	maxFileName = 255
	maxField    = 64 // bytes of a form's field
	uploadTime  = 10 * time.Minute
	maxPage     = 100 // things in one list
)

// upload takes a form with a purpose and a file.
func (g *Gateway) upload(w http.ResponseWriter, r *http.Request) {
	f, err := g.receive(w, r)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, f)
}

func (g *Gateway) receive(w http.ResponseWriter, r *http.Request) (*file, error) {
	f := &file{owner: keyOf(r.Context()).name(), Created: g.clock().Unix()}
	if err := g.store.room(f.owner); err != nil {
		return nil, err
	}
	control := http.NewResponseController(w)
	if err := errors.Join(control.SetReadDeadline(time.Now().Add(uploadTime)), control.SetWriteDeadline(time.Now().Add(uploadTime+readTimeout))); err != nil {
		return nil, err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+1<<20)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, bad("", "the request must be multipart/form-data: %v", err)
	}
	temp := ""
	defer func() {
		if temp != "" {
			os.Remove(temp)
		}
	}()
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad("", "read the form: %v", err)
		}
		switch part.FormName() {
		case "purpose":
			raw, err := io.ReadAll(io.LimitReader(part, maxField))
			if err != nil {
				return nil, bad("purpose", "read the form: %v", err)
			}
			f.Purpose = string(raw)
		case "file":
			if temp != "" {
				return nil, bad("file", "the form has two files")
			}
			f.Name = filepath.Base(part.FileName())
			if temp, err = g.spool(part); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case f.Purpose != "batch":
		return nil, bad("purpose", "'%s' is not one of ['batch']", f.Purpose)
	case temp == "":
		return nil, &apiError{param: "file", code: "missing_required_parameter", message: "Missing required parameter: 'file'."}
	case len(f.Name) > maxFileName:
		return nil, bad("file", "a name of %d bytes, at most %d", len(f.Name), maxFileName)
	}
	if err := g.store.keep(temp, f); err != nil {
		return nil, err
	}
	temp = ""
	return f, nil
}

// spool writes a part of a form to a file of its own.
func (g *Gateway) spool(part *multipart.Part) (path string, err error) {
	out, err := os.CreateTemp(g.store.dir, "upload-")
	if err != nil {
		return "", fmt.Errorf("gateway's files: %w", err)
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(out.Name())
			path = ""
		}
	}()
	n, err := io.Copy(out, io.LimitReader(part, maxFile+1))
	switch {
	case err != nil:
		return "", bad("file", "read the file: %v", err)
	case n > maxFile:
		return "", &apiError{status: http.StatusRequestEntityTooLarge, param: "file", message: fmt.Sprintf("a file of more than %d bytes", maxFile)}
	}
	return out.Name(), out.Sync()
}

func (g *Gateway) listFiles(w http.ResponseWriter, r *http.Request) {
	limit, err := pageSize(r)
	if err != nil {
		fail(w, err)
		return
	}
	files, err := g.store.list(keyOf(r.Context()).name(), limit+1)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, map[string]any{"object": "list", "data": files[:min(limit, len(files))], "has_more": len(files) > limit})
}

// pageSize is the parameter limit.
func pageSize(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10_000 {
		return 0, bad("limit", "limit %q is outside 1 to %d", text, maxPage)
	}
	return min(n, maxPage), nil
}

func (g *Gateway) oneFile(w http.ResponseWriter, r *http.Request) {
	f, err := g.store.find(keyOf(r.Context()).name(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, f)
}

func (g *Gateway) content(w http.ResponseWriter, r *http.Request) {
	f, err := g.store.find(keyOf(r.Context()).name(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	in, err := os.Open(g.store.path(f.ID))
	if err != nil {
		fail(w, fmt.Errorf("gateway's files: %w", err))
		return
	}
	defer in.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Unix(f.Created, 0), in)
}

func (g *Gateway) deleteFile(w http.ResponseWriter, r *http.Request) {
	f, err := g.store.find(keyOf(r.Context()).name(), r.PathValue("id"))
	if err == nil {
		err = g.batches.uses(f.ID)
	}
	if err == nil {
		err = g.store.remove(f)
	}
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, map[string]any{"id": f.ID, "object": "file", "deleted": true})
}
