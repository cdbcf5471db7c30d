package gateway

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	maxFile     = 200 << 20 // bytes of a file
	maxFiles    = 1000      // files and batches of one owner
	maxStored   = 4 << 30   // bytes of all files
	maxFileName = 255
	maxField    = 64 // bytes of a form's field
	uploadTime  = 10 * time.Minute
	maxPage     = 100 // things in one list
)

// file is one that a client sent or a batch made.
type file struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Bytes   int64  `json:"bytes"`
	Created int64  `json:"created_at"`
	Name    string `json:"filename"`
	Purpose string `json:"purpose"`
	Status  string `json:"status"`
	owner   string
}

// store keeps files: their names in the journal, their bytes in a directory.
type store struct {
	db  *sql.DB
	dir string
}

func openStore(db *sql.DB, dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("gateway's files: %w", err)
	}
	s := &store{db, dir}
	return s, s.sweep()
}

// sweep removes what a crash left: bytes that no name has, and parts of answers of batches that
// are over.
func (s *store) sweep() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("gateway's files: %w", err)
	}
	for _, e := range entries {
		id, _, part := strings.Cut(e.Name(), ".")
		var n int
		query := "SELECT count(*) FROM files WHERE id = ?"
		if part { // a batch goes on with it
			query = `SELECT count(*) FROM batches WHERE id = ? AND body ->> '$.status' NOT IN ('failed', 'completed', 'expired', 'cancelled')`
		}
		if err := s.db.QueryRow(query, id).Scan(&n); err != nil {
			return fmt.Errorf("gateway's files: %w", err)
		}
		if n == 0 {
			if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
				return fmt.Errorf("gateway's files: %w", err)
			}
		}
	}
	return nil
}

func (s *store) path(id string) string { return filepath.Join(s.dir, id) }

// room refuses a file more where there are enough.
func (s *store) room(owner string) error {
	var n int
	var bytes sql.NullInt64
	if err := s.db.QueryRow("SELECT (SELECT count(*) FROM files WHERE owner = ?), (SELECT sum(bytes) FROM files)", owner).Scan(&n, &bytes); err != nil {
		return fmt.Errorf("gateway's files: %w", err)
	}
	if n >= maxFiles || bytes.Int64 >= maxStored {
		return &apiError{status: http.StatusInsufficientStorage, code: "storage_full",
			message: fmt.Sprintf("%d files of yours and %d bytes of all are kept, at most %d and %d; delete some", n, bytes.Int64, maxFiles, int64(maxStored))}
	}
	return nil
}

// keep gives the bytes at a path a name, durably.
func (s *store) keep(from string, f *file) error {
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("gateway's files: %w", err)
	}
	f.ID, f.Object, f.Status, f.Bytes = newFileID(), "file", "processed", info.Size()
	if err := os.Rename(from, s.path(f.ID)); err != nil {
		return fmt.Errorf("gateway's files: %w", err)
	}
	if err := insertFile(s.db, f); err != nil {
		return errors.Join(err, os.Remove(s.path(f.ID)))
	}
	return nil
}

func newFileID() string { return "file-" + rand.Text() }

func insertFile(db execer, f *file) error {
	if _, err := db.Exec("INSERT INTO files VALUES (?,?,?,?,?,?)", f.ID, f.owner, f.Name, f.Purpose, f.Bytes, f.Created); err != nil {
		return fmt.Errorf("gateway's files: %w", err)
	}
	return nil
}

const fileColumns = "SELECT id, owner, name, purpose, bytes, at FROM files WHERE "

func scanFile(row interface{ Scan(...any) error }) (*file, error) {
	f := &file{Object: "file", Status: "processed"}
	return f, row.Scan(&f.ID, &f.owner, &f.Name, &f.Purpose, &f.Bytes, &f.Created)
}

// find is a file of an owner; somebody else's is not found.
func (s *store) find(owner, id string) (*file, error) {
	f, err := scanFile(s.db.QueryRow(fileColumns+"id = ? AND owner = ?", id, owner))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &apiError{status: http.StatusNotFound, param: "id", message: "No such File object: " + id}
	}
	return f, err
}

// list is an owner's files, newest first.
func (s *store) list(owner string, limit int) (files []*file, err error) {
	rows, err := s.db.Query(fileColumns+"owner = ? ORDER BY at DESC, id LIMIT ?", owner, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	files = []*file{}
	for rows.Next() {
		f, err := scanFile(rows)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, rows.Err()
}

func (s *store) remove(f *file) error {
	if _, err := s.db.Exec("DELETE FROM files WHERE id = ?", f.ID); err != nil {
		return err
	}
	return os.Remove(s.path(f.ID))
}

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
