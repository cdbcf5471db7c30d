package node

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rerig/rerig/node/group"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/node/runner/tap"
	"github.com/rerig/rerig/protocol"
)

// masterPort is where rank 0 listens, for programs that ask.
const masterPort = 29500

// submitGang adds the files to the store once and starts buying a task for each rank, all of
// which are members of one private link (SPEC §5.8).
func (c *control) submitGang(r *http.Request) (any, error) {
	var req RunRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	if req.Gang < 2 || req.Gang > protocol.MaxLinkMembers {
		return nil, &protocol.FieldError{Field: "gang", Limit: fmt.Sprintf("2 to %d ranks", protocol.MaxLinkMembers), Got: fmt.Sprint(req.Gang)}
	}
	if !req.Rig.IsZero() {
		return nil, &protocol.FieldError{Field: "rig", Limit: "not with gang: each rank is on another rig"}
	}
	first, err := c.n.order(r.Context(), &req)
	if err != nil {
		return nil, err
	}
	orders, ids := make([]requester.Order, req.Gang), make([]protocol.Hash, req.Gang)
	for rank := range orders {
		o := *first
		o.Spec.Link = &protocol.LinkPlace{Rank: uint16(rank), Size: uint16(req.Gang)}
		o.Spec.Env = gangEnv(first.Spec.Env, rank, req.Gang)
		o.Budget, o.Retries = first.Budget.Share(uint64(req.Gang)), 0
		o.Name = fmt.Sprintf("%s[%d]", cmp.Or(req.Name, "gang"), rank)
		if _, err := rand.Read(ids[rank][:]); err != nil {
			return nil, fmt.Errorf("draw run ID: %w", err)
		}
		o.Run, o.Index = ids[rank], rank
		orders[rank] = o
	}
	var runs []*requester.Run
	rec := protocol.Group{Name: req.Name, Budget: req.Budget, Note: req.Note}
	_, err = c.n.groups.Launch(r.Context(), rec, ids, func(id protocol.Hash) (list []group.Run, err error) {
		for rank := range orders {
			orders[rank].Group = id
		}
		runs, err = c.n.requester.SubmitGang(orders)
		for _, run := range runs {
			list = append(list, memberRun{run})
		}
		return list, err
	})
	if err != nil {
		return nil, err
	}
	list := make([]RunStatus, len(runs))
	for i, run := range runs {
		list[i], _ = run.Status()
	}
	return list, nil
}

// gangEnv tells a rank who it is and where the others are, in our own words and in those of
// torch.distributed and its back ends; what the user says goes before.
func gangEnv(own []string, rank, size int) []string {
	peers := make([]string, size)
	for i := range peers {
		peers[i] = protocol.LinkAddr(i).Addr().String()
	}
	return withEnv(own, [][2]string{
		{"RERIG_RANK", strconv.Itoa(rank)}, {"RERIG_WORLD", strconv.Itoa(size)}, {"RERIG_PEERS", strings.Join(peers, ",")},
		{"RANK", strconv.Itoa(rank)}, {"WORLD_SIZE", strconv.Itoa(size)}, {"LOCAL_RANK", "0"},
		{"MASTER_ADDR", peers[0]}, {"MASTER_PORT", strconv.Itoa(masterPort)},
		{"GLOO_SOCKET_IFNAME", tap.Name}, {"NCCL_SOCKET_IFNAME", tap.Name},
	})
}

// proxyEnv tells programs where the proxy to the hosts is that the job may reach.
func proxyEnv(own []string) []string {
	proxy := "http://" + protocol.EgressProxy.String()
	inside := "localhost,127.0.0.1,10.77.0.0/24"
	return withEnv(own, [][2]string{{"HTTPS_PROXY", proxy}, {"HTTP_PROXY", proxy}, {"NO_PROXY", inside},
		{"https_proxy", proxy}, {"http_proxy", proxy}, {"no_proxy", inside}})
}

// withEnv adds what the user does not say.
func withEnv(own []string, more [][2]string) []string {
	env := slices.Clone(own)
	for _, kv := range more {
		said := func(e string) bool { return strings.HasPrefix(e, kv[0]+"=") }
		if !slices.ContainsFunc(own, said) {
			env = append(env, kv[0]+"="+kv[1])
		}
	}
	return env
}
