package node

import "github.com/rerig/rerig/protocol"

// GroupRequest asks the node to buy an array: a run for each task, Parallel at once, in their
// order. Once it is answered the node does so whatever becomes of who asked.
type GroupRequest struct {
	Name     string       `json:"name"`
	Parallel int          `json:"parallel"`
	FailFast bool         `json:"fail_fast"` // a task that does not exit with 0 stops all
	Keep     bool         `json:"keep"`      // the next node of the directory goes on with what had not begun
	Note     []byte       `json:"note"`      // for who follows it later; at most protocol.MaxGroupNote bytes
	Tasks    []RunRequest `json:"tasks"`     // at most protocol.MaxGroupSize; Gang is of none
}

// GroupStatus is an array or a gang as its user sees it.
type GroupStatus struct {
	protocol.Group
	Waiting int             `json:"waiting"` // not begun
	Running int             `json:"running"`
	Paused  bool            `json:"paused"` // it waits for a node that stays, such as of `rerig up`
	Spent   protocol.Amount `json:"spent"`  // promised by vouchers, all runs and attempts
}

// GroupEvent is one line of a group's event stream: how the group stands, or a member.
type GroupEvent struct {
	Group    *GroupStatus `json:"group,omitempty"`
	Index    int          `json:"index"`
	Status   *RunStatus   `json:"run,omitempty"`
	NotBegun bool         `json:"not_begun,omitempty"` // over, because the group was stopped or the node ended before
	Over     bool         `json:"over,omitempty"`      // the member's last
	Error    string       `json:"error,omitempty"`     // why it was not bought, or never began
}
