package journal

import (
	"slices"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// TestGroupsAreKept: a group is there after a restart as it was told, with its members, and
// what they are to do until it has ended.
func TestGroupsAreKept(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	j := start(t, dir, Options{})
	g := protocol.Group{ID: num(1), Name: "many", Size: 3, Parallel: 2, Kept: true, Budget: amt(30), Note: []byte("{}"), Created: 5}
	gang := protocol.Group{ID: num(2), Gang: true, Size: 2, Parallel: 2, Created: 6}
	must(t, j.AddGroup(ctx, g, [][]byte{{1}, {2}, {3}}, nil))
	must(t, j.AddGroup(ctx, gang, nil, []protocol.Hash{num(8), num(9)}))
	must(t, j.PutMember(ctx, g.ID, protocol.GroupMember{Index: 0, Run: num(7)}))
	must(t, j.PutMember(ctx, g.ID, protocol.GroupMember{Index: 2, Why: "no such file"}))
	ch := channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	for attempt := range uint64(2) {
		rec := record(protocol.RoleRequester, 20+attempt, 10+attempt)
		rec.Run, rec.Agreement.MaxTotal = num(7), amt(10)
		_, err := j.PutAndReserve(ctx, rec)
		must(t, err)
		_, err = j.Promise(ctx, ch.ID(), rec.Job.ID, amt(4))
		must(t, err)
	}
	must(t, j.Close())

	j = start(t, dir, Options{})
	list, err := j.Groups(ctx, true, 10)
	must(t, err)
	if len(list) != 2 || list[0].ID != gang.ID || list[1].Name != "many" || string(list[1].Note) != "{}" || !list[1].Kept {
		t.Fatalf("groups %+v", list)
	}
	members, err := j.Members(ctx, g.ID)
	must(t, err)
	if want := []protocol.GroupMember{{Index: 0, Run: num(7)}, {Index: 1}, {Index: 2, Why: "no such file"}}; !slices.Equal(members, want) {
		t.Errorf("members %+v", members)
	}
	task, err := j.Task(ctx, g.ID, 1)
	if must(t, err); !slices.Equal(task, []byte{2}) {
		t.Errorf("task %v", task)
	}
	id, index, found, err := j.MemberOf(ctx, num(9))
	if err != nil || !found || id != gang.ID || index != 1 {
		t.Errorf("member of %s, %d, %t, %v", id, index, found, err)
	}
	if _, _, found, err := j.MemberOf(ctx, num(77)); err != nil || found {
		t.Errorf("a run of no group is of one: %v", err)
	}
	paid, err := j.GroupPaid(ctx, g.ID)
	if must(t, err); paid != amt(8) {
		t.Errorf("paid %s, want that of both attempts", paid)
	}

	g.Ended, g.Done, g.Failed = true, 1, 2
	must(t, j.PutGroup(ctx, g))
	_, err = j.Task(ctx, g.ID, 1)
	wantIs(t, err, ErrNotFound)
	active, err := j.Groups(ctx, true, 10)
	if must(t, err); len(active) != 1 {
		t.Errorf("under way are %+v", active)
	}
	got, err := j.FindGroup(ctx, num(1).String()[:14])
	if must(t, err); got.Done != 1 || !got.Ended {
		t.Errorf("found %+v", got)
	}
	_, err = j.FindGroup(ctx, "0x0000")
	wantAs[*AmbiguousError](t, err)
	must(t, j.DropGroup(ctx, gang.ID))
	_, err = j.FindGroup(ctx, gang.ID.String())
	wantIs(t, err, ErrNotFound)
}
