package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// Limits of lists.
const (
	DefaultLimit  = 100  // records or transactions in one answer when none is given
	MaxLimit      = 1000 // and at most
	MinPrefix     = 4    // hex digits that Find wants
	maxCandidates = 5    // jobs that an AmbiguousError lists
)

// Query selects records; zero fields select everything.
type Query struct {
	Role   protocol.Role  // of this node; "" for both
	Active bool           // only jobs that have not ended
	Run    *protocol.Hash // only attempts of this run
	Limit  int            // DefaultLimit when 0, MaxLimit at most
	Before uint64         // only records created before; unix milliseconds
}

// PutRecord inserts the record or replaces the one of the same role and job, whose
// run and time of creation stay. It is durable on return.
func (j *Journal) PutRecord(ctx context.Context, rec protocol.Record) error {
	put, err := putting(rec)
	if err != nil {
		return err
	}
	return j.write(ctx, put)
}

// putting is PutRecord as a change.
func putting(rec protocol.Record) (func(*tx) error, error) {
	if rec.Job.Role != protocol.RoleRequester && rec.Job.Role != protocol.RoleRig {
		return nil, &protocol.FieldError{Field: "record.job.role", Limit: "requester or rig", Got: string(rec.Job.Role)}
	}
	spec := rec.Spec
	rec.Spec = nil
	body, err := protocol.Encode(rec)
	if err != nil {
		return nil, fmt.Errorf("journal job %s: %w", rec.Job.ID, err)
	}
	return func(t *tx) error {
		var specID any
		if len(spec) > 0 {
			id, err := t.specID(spec)
			if err != nil {
				return err
			}
			specID = id
		}
		return t.exec(`INSERT INTO jobs (id, role, run, ended, created, updated, spec, record) VALUES (?,?,?,?,?,?,?,?)
			ON CONFLICT (id, role) DO UPDATE SET ended = excluded.ended,
			updated = excluded.updated, spec = excluded.spec, record = excluded.record`,
			rec.Job.ID[:], string(rec.Job.Role), rec.Run[:], rec.Job.Ended, int64(rec.Created), int64(rec.Updated), specID, body)
	}, nil
}

// specID finds or adds the spec.
func (t *tx) specID(spec []byte) (id int64, err error) {
	const find = "SELECT id FROM specs WHERE hash = ?"
	hash := sha256.Sum256(spec)
	found, err := one(t, find, []any{hash[:]}, &id)
	if err != nil || found {
		return id, err
	}
	if err := t.exec("INSERT INTO specs (hash, spec) VALUES (?, ?)", hash[:], spec); err != nil {
		return 0, err
	}
	_, err = one(t, find, []any{hash[:]}, &id)
	return id, err
}

const selectRecord = "SELECT record, specs.spec FROM jobs LEFT JOIN specs ON specs.id = jobs.spec "

// Record is the record of a job on one side, or ErrNotFound.
func (j *Journal) Record(ctx context.Context, role protocol.Role, id protocol.Hash) (rec protocol.Record, err error) {
	err = j.view(ctx, func(r reader) error {
		recs, err := records(r, selectRecord+"WHERE jobs.id = ? AND role = ?", id[:], string(role))
		if err == nil && len(recs) == 0 {
			err = fmt.Errorf("job %s as %s: %w", id, role, ErrNotFound)
		}
		if err == nil {
			rec = recs[0]
		}
		return err
	})
	return rec, err
}

// Paid is what vouchers have paid for a job by now on that side, in base units: it
// is ahead of the record's sum while the job runs. A job without a voucher is zero.
func (j *Journal) Paid(ctx context.Context, role protocol.Role, id protocol.Hash) (paid protocol.Amount, err error) {
	err = j.view(ctx, func(r reader) error {
		res, _, err := reservationOf(r, role, id)
		paid = res.paid
		return err
	})
	return paid, err
}

// Records are the matching records, the newest first. A page ends between two
// milliseconds, so it may be longer than the limit by the records created in its
// last one, and Before set to the last record's Created continues without a gap.
func (j *Journal) Records(ctx context.Context, q Query) (recs []protocol.Record, err error) {
	query, args := q.text()
	err = j.view(ctx, func(r reader) error {
		recs, err = records(r, query, args...)
		return err
	})
	return recs, err
}

// text is the query in SQL.
func (q Query) text() (query string, args []any) {
	limit, before := clampLimit(q.Limit), int64(math.MaxInt64)
	if q.Before > 0 && q.Before < math.MaxInt64 {
		before = int64(q.Before)
	}
	where, args := "created < ?", []any{before}
	if q.Role != "" { // the plus keeps SQLite from reading all jobs of a role, to sort them
		where, args = where+" AND +role = ?", append(args, string(q.Role))
	}
	if q.Active {
		where += " AND ended = 0"
	}
	if q.Run != nil {
		where, args = where+" AND run = ?", append(args, q.Run[:])
	}
	last := "(SELECT created FROM jobs WHERE " + where + " ORDER BY created DESC LIMIT 1 OFFSET ?)"
	return selectRecord + "WHERE " + where + " AND created >= coalesce(" + last + ", 0) ORDER BY created DESC, jobs.id",
		append(append(args, args...), limit-1)
}

func clampLimit(n int) int {
	if n <= 0 {
		return DefaultLimit
	}
	return min(n, MaxLimit)
}

func records(r reader, query string, args ...any) (recs []protocol.Record, err error) {
	err = each(r, query, args, func(scan func(...any) error) error {
		var body, spec []byte
		if err := scan(&body, &spec); err != nil {
			return err
		}
		var rec protocol.Record
		if err := protocol.Decode(body, &rec); err != nil {
			return fmt.Errorf("%w: job record: %w", ErrDamaged, err)
		}
		rec.Spec = spec
		recs = append(recs, rec)
		return nil
	})
	return recs, err
}

// Find is the record whose job ID, or the newest of the run whose ID, begins with
// the hex digits of prefix, with or without 0x. It wants at least MinPrefix
// digits (*protocol.FieldError); ErrNotFound and *AmbiguousError are the others.
func (j *Journal) Find(ctx context.Context, role protocol.Role, prefix string) (rec protocol.Record, err error) {
	low, high, err := idRange(prefix)
	if err != nil {
		return rec, err
	}
	err = j.view(ctx, func(r reader) error {
		ids, err := candidates(r, role, low, high)
		if err != nil {
			return err
		}
		if len(ids) > 1 {
			n := min(len(ids), maxCandidates)
			return &AmbiguousError{Prefix: prefix, Candidates: ids[:n], More: len(ids) > n}
		}
		if len(ids) == 0 {
			return fmt.Errorf("job %s as %s: %w", prefix, role, ErrNotFound)
		}
		recs, err := records(r, selectRecord+"WHERE jobs.id = ? AND role = ?", ids[0][:], string(role))
		if err == nil && len(recs) == 1 {
			rec = recs[0]
		}
		return err
	})
	return rec, err
}

// candidates are the jobs in the range, by their own ID or as the newest attempt
// of a run in it, sorted; one more than an AmbiguousError lists at most.
func candidates(r reader, role protocol.Role, low, high protocol.Hash) (ids []protocol.Hash, err error) {
	const query = `SELECT id FROM jobs WHERE role = ?1 AND id BETWEEN ?2 AND ?3
		UNION SELECT id FROM jobs AS a WHERE role = ?1 AND run BETWEEN ?2 AND ?3 AND NOT EXISTS (
			SELECT 1 FROM jobs AS b WHERE b.run = a.run AND b.role = ?1 AND (b.created, b.id) > (a.created, a.id))
		ORDER BY id LIMIT ?4`
	err = each(r, query, []any{string(role), low[:], high[:], maxCandidates + 1}, func(scan func(...any) error) error {
		var id protocol.Hash
		ids = append(ids, id)
		return scan(fixed(ids[len(ids)-1][:]))
	})
	return ids, err
}

// idRange is the first and the last ID that begin with the digits.
func idRange(prefix string) (low, high protocol.Hash, err error) {
	digits := strings.TrimPrefix(strings.ToLower(prefix), "0x")
	if n := 2 * len(low); len(digits) < MinPrefix || len(digits) > n {
		return low, high, &protocol.FieldError{Field: "job", Limit: fmt.Sprintf("%d to %d hex digits", MinPrefix, n), Got: fmt.Sprint(len(digits))}
	}
	for dst, fill := range map[*protocol.Hash]string{&low: "0", &high: "f"} {
		padded := digits + strings.Repeat(fill, 2*len(low)-len(digits))
		if _, err := hex.Decode(dst[:], []byte(padded)); err != nil {
			return low, high, &protocol.FieldError{Field: "job", Limit: "hex digits only", Got: prefix}
		}
	}
	return low, high, nil
}
