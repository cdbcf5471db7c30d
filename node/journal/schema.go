package journal

import (
	"context"
	"database/sql"
	"fmt"
)

// appID marks the file as a Rerig journal ("RRig" in SQLite's application_id).
const appID = 0x52526967

// migration takes a file from one schema version to the next: the statements, and
// then what only this package can compute, if anything.
type migration struct {
	stmts string
	fill  func(*tx) error
}

// migrations[v] takes a file from schema version v to v+1. Amounts are 12-byte
// big-endian BLOBs, so that they compare right and never become floats; times
// are unix milliseconds except closes_at, which is the chain's seconds.
var migrations = []migration{{stmts: `
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Specs are kept once, whatever the number of jobs and of saves.
CREATE TABLE specs (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, spec BLOB NOT NULL);

CREATE TABLE jobs (
	id BLOB NOT NULL, role TEXT NOT NULL, run BLOB NOT NULL, ended INTEGER NOT NULL,
	created INTEGER NOT NULL, updated INTEGER NOT NULL,
	spec INTEGER REFERENCES specs(id), record BLOB NOT NULL,
	PRIMARY KEY (id, role));
CREATE INDEX jobs_created ON jobs (created);
CREATE INDEX jobs_active ON jobs (created) WHERE ended = 0;
CREATE INDEX jobs_run ON jobs (run, created);
CREATE INDEX jobs_updated ON jobs (role, updated, id);

-- used: promised (requester) or credited (rig) in this epoch.
CREATE TABLE channels (
	id BLOB NOT NULL, role TEXT NOT NULL, chain INTEGER NOT NULL, escrow BLOB NOT NULL,
	payer BLOB NOT NULL, signer BLOB NOT NULL, payee BLOB NOT NULL, operator BLOB NOT NULL, token BLOB NOT NULL,
	epoch INTEGER NOT NULL, funded BLOB NOT NULL, claimed BLOB NOT NULL, closes_at INTEGER NOT NULL,
	used BLOB NOT NULL, best BLOB NOT NULL, best_sig BLOB NOT NULL,
	PRIMARY KEY (id, role)) WITHOUT ROWID;

-- paid: the part of used that is this job's.
CREATE TABLE reservations (
	job BLOB NOT NULL, role TEXT NOT NULL, channel BLOB NOT NULL, epoch INTEGER NOT NULL,
	budget BLOB NOT NULL, paid BLOB NOT NULL, open INTEGER NOT NULL,
	PRIMARY KEY (job, role)) WITHOUT ROWID;
CREATE INDEX reservations_open ON reservations (channel, role, epoch) WHERE open = 1;

-- Best vouchers of ended epochs, until known claimed.
CREATE TABLE old_vouchers (
	channel BLOB NOT NULL, epoch INTEGER NOT NULL, funded BLOB NOT NULL, claimed BLOB NOT NULL,
	best BLOB NOT NULL, best_sig BLOB NOT NULL,
	PRIMARY KEY (channel, epoch)) WITHOUT ROWID;

CREATE TABLE txs (
	hash BLOB PRIMARY KEY, sender BLOB NOT NULL, chain INTEGER NOT NULL, nonce INTEGER NOT NULL,
	kind TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL, status TEXT NOT NULL,
	gas_used INTEGER NOT NULL, fee BLOB NOT NULL, block INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX txs_nonce ON txs (sender, chain, nonce);
CREATE INDEX txs_created ON txs (sender, created);
`}, {stmts: `
-- What each side was paid, or has paid, since the beginning: reading it off all
-- reservations took most of a second for a hundred thousand jobs.
CREATE TABLE totals (role TEXT PRIMARY KEY, jobs INTEGER NOT NULL, paid BLOB NOT NULL) WITHOUT ROWID;
`, fill: countPaid}, {stmts: `
-- Runs that were bought together. task: what a member is to do, until its group has ended.
CREATE TABLE groups (id BLOB PRIMARY KEY, ended INTEGER NOT NULL, created INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX groups_created ON groups (created);
CREATE TABLE members (
	grp BLOB NOT NULL, place INTEGER NOT NULL, run BLOB NOT NULL, why TEXT NOT NULL, task BLOB,
	PRIMARY KEY (grp, place)) WITHOUT ROWID;
CREATE INDEX members_run ON members (run);
`}}

// checkFile refuses a file that is not a journal, is damaged, or is too new,
// before anything is written to it. It returns the schema version; 0 is empty.
func checkFile(ctx context.Context, c *sql.Conn, file string) (version int, err error) {
	var app int
	if err := c.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return 0, err
	}
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if version == 0 && app == 0 {
		var tables int
		if err := c.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return 0, err
		}
		if tables == 0 {
			return 0, nil
		}
	}
	if app != appID {
		return 0, damaged(file, "a SQLite file, but not a Rerig journal")
	}
	if version > len(migrations) {
		return 0, &SchemaError{File: file, Have: version, Know: len(migrations)}
	}
	var pages int64
	if err := c.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return 0, err
	}
	verdict, err := health(ctx, c, pages*pageSize <= checkedWhole)
	if err == nil && verdict != "ok" {
		err = damaged(file, verdict)
	}
	return version, err
}

// checkedWhole is how large a file may be, in bytes, that is checked whole before it
// is used. Of a larger one that is done for what is about money, or a start with a
// hundred thousand jobs would take a second more; damage in old jobs is found where
// they are read.
const checkedWhole = 16 << 20

// health is SQLite's verdict, "ok" or what is wrong.
func health(ctx context.Context, c *sql.Conn, whole bool) (verdict string, err error) {
	parts := []string{"1"}
	if !whole {
		parts = []string{"channels", "reservations", "old_vouchers", "txs", "meta"}
	}
	for _, part := range parts {
		if err := c.QueryRowContext(ctx, "PRAGMA quick_check("+part+")").Scan(&verdict); err != nil || verdict != "ok" {
			return verdict, err
		}
	}
	return verdict, nil
}

// migrate brings the file to the newest schema in one transaction, which also
// proves that it can be written.
func migrate(ctx context.Context, c *sql.Conn, version int) (err error) {
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := &tx{ctx: ctx, conn: c, stmts: map[string]*sql.Stmt{}}
	defer t.closeStmts()
	for v := version; v < len(migrations) && err == nil; v++ {
		if _, err = c.ExecContext(ctx, migrations[v].stmts); err == nil && migrations[v].fill != nil {
			err = migrations[v].fill(t)
		}
	}
	if err == nil && version < len(migrations) {
		_, err = c.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", appID, len(migrations)))
	}
	if err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = c.ExecContext(ctx, "ROLLBACK") // the first error is the one to report
	}
	return err
}
