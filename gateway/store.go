package gateway

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxFiles  = 1000    // files and batches of one owner
	maxStored = 4 << 30 // bytes of all files
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
