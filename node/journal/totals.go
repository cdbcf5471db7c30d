package journal

import "github.com/rerig/rerig/protocol"

// totalOf is how many jobs of a side were paid, and what they were paid in all, in
// base units of whatever token it was.
func totalOf(r reader, role protocol.Role) (jobs int, paid protocol.Amount, err error) {
	_, err = one(r, "SELECT jobs, paid FROM totals WHERE role = ?", []any{string(role)}, &jobs, money{&paid})
	return jobs, paid, err
}

// addPaid counts what a job was paid more; first says that it was paid nothing before.
func (t *tx) addPaid(role protocol.Role, first bool, more protocol.Amount) error {
	jobs, paid, err := totalOf(t, role)
	if err != nil {
		return err
	}
	if first {
		jobs++
	}
	if paid, err = paid.Add(more); err != nil {
		return err
	}
	return t.exec(`INSERT INTO totals (role, jobs, paid) VALUES (?,?,?)
		ON CONFLICT (role) DO UPDATE SET jobs = excluded.jobs, paid = excluded.paid`, string(role), jobs, blob(paid))
}

// countPaid fills the totals of a file that was written before there were any.
func countPaid(t *tx) error {
	for _, role := range []protocol.Role{protocol.RoleRequester, protocol.RoleRig} {
		var list []protocol.Amount // a connection has one query at a time
		err := each(t, "SELECT paid FROM reservations WHERE role = ?", []any{string(role)}, func(scan func(...any) error) error {
			var paid protocol.Amount
			err := scan(money{&paid})
			list = append(list, paid)
			return err
		})
		for _, paid := range list {
			if err == nil && !paid.IsZero() {
				err = t.addPaid(role, true, paid)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
