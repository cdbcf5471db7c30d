package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestLinkKeyNeverPrints(t *testing.T) {
	a := linkedAccept()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{a.LinkKey, a, *a} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, fmt.Sprintf("%x", []byte(a.LinkKey[:4]))) || strings.Contains(s, fmt.Sprint(a.LinkKey[0], " ", a.LinkKey[1])) {
				t.Errorf("%s of %T prints the key: %s", verb, v, s)
			}
		}
	}
	if b, err := json.Marshal(a.LinkKey); err != nil || string(b) != `"[link key]"` {
		t.Errorf("JSON has %s, %v", b, err)
	}
}

// TestLinkLimits changes one thing at a time.
func TestLinkLimits(t *testing.T) {
	if _, _, err := EncodeSpec(linkedSpec()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field, limit string
		past         func(*JobSpec)
	}{
		{"spec.link", "container", func(s *JobSpec) { s.Engine = EngineWASM }},
		{"spec.link", "container", func(s *JobSpec) { s.Kind = KindService }},
		{"spec.link.size", "2 to 32", func(s *JobSpec) { s.Link.Size = 1 }},
		{"spec.link.size", "2 to 32", func(s *JobSpec) { s.Link.Size = MaxLinkMembers + 1 }},
		{"spec.link.rank", "0 to 1", func(s *JobSpec) { s.Link.Rank = 2 }},
	} {
		s := linkedSpec()
		c.past(s)
		wantField(t, s.Check(), c.field, c.limit)
	}
	for _, c := range []struct {
		field, limit string
		past         func(*Link)
	}{
		{"link.members", "2 to 32", func(l *Link) { l.Members = l.Members[:1] }},
		{"link.members", "2 to 32", func(l *Link) { l.Members = make([]LinkMember, MaxLinkMembers+1) }},
		{"link.members[0].peer", "a peer ID", func(l *Link) { l.Members[0].Peer = "" }},
		{"link.members[1].peer", "a peer ID", func(l *Link) { l.Members[1].Peer = long(MaxNameBytes + 1) }},
		{"link.members[1]", "another job", func(l *Link) { l.Members[1].Peer = l.Members[0].Peer }},
		{"link.members[1]", "another job", func(l *Link) { l.Members[1].Job = l.Members[0].Job }},
		{"link.members[0].addrs", "at most 8", func(l *Link) { l.Members[0].Addrs = many(MaxAddrs+1, "/ip4/127.0.0.1/tcp/") }},
		{"link.members[0].addrs", "at most 128", func(l *Link) { l.Members[0].Addrs = []string{long(MaxAddrBytes + 1)} }},
	} {
		l := exampleLink()
		c.past(l)
		wantField(t, l.check(), c.field, c.limit)
	}
	a := linkedAccept()
	a.LinkKey = a.LinkKey[:31]
	wantField(t, a.check(), "accept.link_key", "32 bytes or none")
	for _, o := range []LinkOpen{{Version: 2, Port: 1}, {Version: Version}} {
		if _, err := DecodeLinkOpen(must(Encode(o))); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if _, err := DecodeLinkOpen(make([]byte, MaxDialFrame+1)); err == nil {
		t.Error("a frame over the limit is taken")
	}
}

// TestLinkProof: a proof is good for its key, its two rigs, its two jobs and its port.
func TestLinkProof(t *testing.T) {
	key := linkedAccept().LinkKey
	o := LinkOpen{Version: Version, From: testHash("job 0"), To: testHash("job 1"), Port: 29500}
	o.Proof = LinkProof(key, "rig A", "rig B", &o)
	again, err := DecodeLinkOpen(must(Encode(o)))
	if err != nil || !again.Proved(key, "rig A", "rig B") {
		t.Fatalf("%+v, %v", again, err)
	}
	other := testHash("another key")
	for name, proved := range map[string]bool{
		"no key": o.Proved(nil, "rig A", "rig B"), "another key": o.Proved(other[:], "rig A", "rig B"),
		"another caller": o.Proved(key, "rig C", "rig B"), "another callee": o.Proved(key, "rig A", "rig C"),
		"the way back": o.Proved(key, "rig B", "rig A"), "moved bytes": o.Proved(key, "rig ", "Arig B"),
	} {
		if proved {
			t.Errorf("%s: proved", name)
		}
	}
	for name, change := range map[string]func(*LinkOpen){
		"job from": func(o *LinkOpen) { o.From[0] ^= 1 }, "job to": func(o *LinkOpen) { o.To[0] ^= 1 },
		"jobs swapped": func(o *LinkOpen) { o.From, o.To = o.To, o.From }, "port": func(o *LinkOpen) { o.Port++ },
		"proof": func(o *LinkOpen) { o.Proof[31] ^= 1 },
	} {
		c := o
		change(&c)
		if c.Proved(key, "rig A", "rig B") {
			t.Errorf("another %s: proved", name)
		}
	}
}

// TestLinkAddresses: every member has an address of its own, in one network.
func TestLinkAddresses(t *testing.T) {
	seen := map[string]bool{}
	for rank := range MaxLinkMembers {
		a := LinkAddr(rank)
		if seen[a.Addr().String()] || a.Masked() != LinkAddr(0).Masked() {
			t.Errorf("rank %d is %s", rank, a)
		}
		seen[a.Addr().String()] = true
	}
	if LinkAddr(0).String() != "10.77.0.1/24" {
		t.Errorf("rank 0 is %s", LinkAddr(0))
	}
}
