package journal

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// AddGroup keeps a group and what each member is to do, which is the caller's to read. runs has
// the members' IDs where they are drawn already, or is nil. All of it is durable on return, or
// nothing is.
func (j *Journal) AddGroup(ctx context.Context, g protocol.Group, tasks [][]byte, runs []protocol.Hash) error {
	body, err := protocol.Encode(g)
	if err != nil {
		return fmt.Errorf("journal group %s: %w", g.ID, err)
	}
	return j.write(ctx, func(t *tx) error {
		if err := t.exec("INSERT INTO groups (id, ended, created, body) VALUES (?,?,?,?)", g.ID[:], g.Ended, int64(g.Created), body); err != nil {
			return err
		}
		for i := range g.Size {
			var task []byte
			if i < len(tasks) {
				task = tasks[i]
			}
			var run protocol.Hash
			if i < len(runs) {
				run = runs[i]
			}
			if err := t.exec("INSERT INTO members (grp, place, run, why, task) VALUES (?,?,?,'',?)", g.ID[:], i, run[:], task); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutGroup replaces a group's record; what the members of one that has ended were to do is
// forgotten. It is durable on return.
func (j *Journal) PutGroup(ctx context.Context, g protocol.Group) error {
	body, err := protocol.Encode(g)
	if err != nil {
		return fmt.Errorf("journal group %s: %w", g.ID, err)
	}
	return j.write(ctx, func(t *tx) error {
		if g.Ended {
			if err := t.exec("UPDATE members SET task = NULL WHERE grp = ?", g.ID[:]); err != nil {
				return err
			}
		}
		return t.exec("UPDATE groups SET ended = ?, body = ? WHERE id = ?", g.Ended, body, g.ID[:])
	})
}

// DropGroup forgets a group of which nothing was bought.
func (j *Journal) DropGroup(ctx context.Context, id protocol.Hash) error {
	return j.write(ctx, func(t *tx) error {
		if err := t.exec("DELETE FROM members WHERE grp = ?", id[:]); err != nil {
			return err
		}
		return t.exec("DELETE FROM groups WHERE id = ?", id[:])
	})
}

// PutMember keeps the run that a member has become, or why it became none. It is durable on
// return: nothing is bought for a member before.
func (j *Journal) PutMember(ctx context.Context, group protocol.Hash, m protocol.GroupMember) error {
	return j.write(ctx, func(t *tx) error {
		return t.exec("UPDATE members SET run = ?, why = ? WHERE grp = ? AND place = ?", m.Run[:], m.Why, group[:], m.Index)
	})
}

// Groups are the newest groups first, or only those that have not ended; MaxLimit at most.
func (j *Journal) Groups(ctx context.Context, active bool, limit int) (list []protocol.Group, err error) {
	const query = "SELECT body FROM groups WHERE ended <= ? ORDER BY created DESC, id LIMIT ?"
	most := 1
	if active {
		most = 0
	}
	err = j.view(ctx, func(r reader) (err error) {
		list, err = groups(r, query, most, clampLimit(limit))
		return err
	})
	return list, err
}

func groups(r reader, query string, args ...any) (list []protocol.Group, err error) {
	err = each(r, query, args, func(scan func(...any) error) error {
		var body []byte
		if err := scan(&body); err != nil {
			return err
		}
		var g protocol.Group
		if err := protocol.Decode(body, &g); err != nil {
			return fmt.Errorf("%w: group: %w", ErrDamaged, err)
		}
		list = append(list, g)
		return nil
	})
	return list, err
}

// FindGroup is the group whose ID begins with the hex digits of prefix, as Find finds jobs.
func (j *Journal) FindGroup(ctx context.Context, prefix string) (g protocol.Group, err error) {
	low, high, err := idRange(prefix)
	if err != nil {
		return g, err
	}
	err = j.view(ctx, func(r reader) error {
		list, err := groups(r, "SELECT body FROM groups WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", low[:], high[:], maxCandidates+1)
		switch {
		case err != nil:
			return err
		case len(list) == 0:
			return fmt.Errorf("group %s: %w", prefix, ErrNotFound)
		case len(list) > 1:
			ids := make([]protocol.Hash, 0, maxCandidates)
			for _, g := range list[:min(len(list), maxCandidates)] {
				ids = append(ids, g.ID)
			}
			return &AmbiguousError{Prefix: prefix, Candidates: ids, More: len(list) > maxCandidates}
		}
		g = list[0]
		return nil
	})
	return g, err
}

// Members are a group's, by index.
func (j *Journal) Members(ctx context.Context, group protocol.Hash) (list []protocol.GroupMember, err error) {
	err = j.view(ctx, func(r reader) error {
		list = nil
		return each(r, "SELECT place, run, why FROM members WHERE grp = ? ORDER BY place", []any{group[:]}, func(scan func(...any) error) error {
			var m protocol.GroupMember
			if err := scan(&m.Index, fixed(m.Run[:]), &m.Why); err != nil {
				return err
			}
			list = append(list, m)
			return nil
		})
	})
	return list, err
}

// Task is what a member of a group that has not ended is to do.
func (j *Journal) Task(ctx context.Context, group protocol.Hash, index int) (task []byte, err error) {
	err = j.view(ctx, func(r reader) error {
		found, err := one(r, "SELECT task FROM members WHERE grp = ? AND place = ?", []any{group[:], index}, &task)
		if err == nil && (!found || task == nil) {
			err = fmt.Errorf("task %d of group %s: %w", index, group, ErrNotFound)
		}
		return err
	})
	return task, err
}

// MemberOf finds the group that a run is of; found is false where it is of none.
func (j *Journal) MemberOf(ctx context.Context, run protocol.Hash) (group protocol.Hash, index int, found bool, err error) {
	err = j.view(ctx, func(r reader) (err error) {
		found, err = one(r, "SELECT grp, place FROM members WHERE run = ?", []any{run[:]}, fixed(group[:]), &index)
		return err
	})
	return group, index, found, err
}

// GroupPaid is what vouchers have promised for all attempts of a group's runs, in base units.
func (j *Journal) GroupPaid(ctx context.Context, group protocol.Hash) (sum protocol.Amount, err error) {
	const query = `SELECT paid FROM members JOIN jobs ON jobs.run = members.run AND jobs.role = 'requester'
		JOIN reservations ON reservations.job = jobs.id AND reservations.role = jobs.role
		WHERE members.grp = ?`
	err = j.view(ctx, func(r reader) error {
		sum = protocol.Amount{}
		return each(r, query, []any{group[:]}, func(scan func(...any) error) (err error) {
			var paid protocol.Amount
			if err := scan(money{&paid}); err != nil {
				return err
			}
			sum, err = sum.Add(paid)
			return err
		})
	})
	return sum, err
}
