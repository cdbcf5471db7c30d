package protocol

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Scripts in testdata/lifecycle play a job on both machines and record every
// change and effect, the way etcd-raft's interaction tests do. A block is some
// commands, a line of four dashes and what came out, up to an empty line; go test
// -update rewrites what came out.

func TestLifecycleScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/lifecycle/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, f, []byte(playFile(t, string(b))))
		})
	}
}

func playFile(t *testing.T, text string) string {
	var out strings.Builder
	s := &script{}
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		commands, _, _ := strings.Cut(block+"\n", "----\n")
		var trace strings.Builder
		s.out = &trace
		ran := false
		for _, line := range strings.Split(strings.TrimSpace(commands), "\n") {
			if line == "" || line[0] == '#' {
				continue
			}
			ran = true
			if err := s.command(line); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(strings.TrimRight(commands, "\n") + "\n")
		if ran {
			out.WriteString("----\n" + trace.String())
		}
	}
	return out.String()
}

// script is one file under way.
type script struct {
	p   *pair
	out *strings.Builder
}

// command runs a line: "requester …" and "rig …" give that side an event of its
// own; the others move messages and time.
func (s *script) command(line string) error {
	words := strings.Fields(line)
	args := map[string]string{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		args[k] = v
	}
	if s.p == nil && words[0] != "job" {
		return fmt.Errorf("begin with a job")
	}
	switch words[0] {
	case "job":
		return s.begin(args)
	case "requester", "rig":
		ev, err := s.event(words)
		if err != nil {
			return err
		}
		s.print(s.p.step(Role(words[0]), ev))
	case "deliver":
		return s.deliver(words[1:])
	case "forge":
		return s.forge(args)
	case "drop":
		q := s.queue(words[1])
		fmt.Fprintf(s.out, "lost on the way to the %s: %s\n", words[1], show(q.pop()))
	case "break":
		s.p.cut()
		fmt.Fprintln(s.out, "the stream breaks")
	case "restart":
		s.p.restart(Role(words[1]))
		fmt.Fprintf(s.out, "%s restarts: %s\n", words[1], s.job(Role(words[1])))
	case "advance":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		s.advance(s.p.now + uint64(d.Milliseconds()))
	case "timeout":
		s.advance(s.p.nextTimeout())
	case "heartbeat":
		s.p.sendReq(StatusIn{State: s.p.rig.State})
		return s.deliver([]string{"requester"})
	case "show":
		fmt.Fprintf(s.out, "requester: %s\nrig: %s\n", s.job(RoleRequester), s.job(RoleRig))
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

func (s *script) begin(args map[string]string) error {
	a := exampleAgreement()
	run, cpus := time.Minute, 1
	var err error
	for k, v := range args {
		switch k {
		case "tick":
			a.TickUnits, err = strconv.ParseUint(v, 10, 64)
		case "price":
			a.Price.PerMillion, err = ParseAmount(v)
		case "budget":
			a.MaxTotal, err = ParseAmount(v)
		case "unit":
			a.Price.Unit = Unit(v)
		case "run":
			run, err = time.ParseDuration(v)
		case "cpus":
			cpus, err = strconv.Atoi(v)
		default:
			err = fmt.Errorf("unknown argument %s", k)
		}
		if err != nil {
			return err
		}
	}
	if err := a.Check(); err != nil {
		return err
	}
	p, first := pairWith(a, run, uint16(cpus))
	s.p = p
	s.print(first)
	return nil
}

// event makes an own event of a side out of "rig measured 1000" and the like.
func (s *script) event(words []string) (Event, error) {
	words = append(words, "", "", "", "")
	reason, detail := Reason(words[2]), strings.TrimSpace(strings.Join(words[3:], " "))
	number, numErr := strconv.ParseUint(words[2], 10, 64)
	p := s.p
	switch words[0] + " " + words[1] {
	case "requester ready":
		return ChannelReady{}, nil
	case "requester failed":
		return ChannelFailed{reason, detail}, nil
	case "requester good":
		return Checked{OK: true}, nil
	case "requester bad":
		return Checked{Detail: strings.TrimSpace(words[2] + " " + detail)}, nil
	case "requester violation":
		return Violation{reason, detail}, nil
	case "requester stop", "rig stop":
		return StopAsked{reason}, nil
	case "requester gone":
		p.reqSees = false
		return PeerGone{}, nil
	case "rig gone":
		p.rigSees = false
		return PeerGone{}, nil
	case "rig funded":
		return FundingSeen{NewAmount(number)}, numErr
	case "rig refused":
		return FundingRefused{reason, detail}, nil
	case "rig slot":
		return SlotFree{}, nil
	case "rig staged":
		return Staged{}, nil
	case "rig stage-failed":
		return StageFailed{reason, detail}, nil
	case "rig paid":
		return PaymentIn{NewAmount(number)}, numErr
	case "rig measured":
		p.done = number
		return Measured{number, outputAt(number)}, numErr
	case "rig exited": // units, exit code, reason
		code, err := strconv.ParseUint(words[3], 10, 32)
		p.sandbox, p.done = false, number
		return Exited{number, outputAt(number), uint32(code), Reason(words[4]), ""}, err
	}
	return nil, fmt.Errorf("unknown event")
}

func (s *script) queue(to string) *queue {
	if to == "rig" {
		return &s.p.toRig
	}
	return &s.p.toReq
}

// deliver hands over one side's messages, or everything until all is quiet.
func (s *script) deliver(to []string) error {
	if len(to) == 1 {
		for q := s.queue(to[0]); q.n > 0; {
			s.print(s.p.step(Role(to[0]), q.pop()))
		}
		return nil
	}
	for s.p.toReq.n+s.p.toRig.n > 0 {
		for _, side := range []string{"rig", "requester"} {
			if err := s.deliver([]string{side}); err != nil {
				return err
			}
		}
	}
	return nil
}

// forge changes the receipt at the head of the requester's queue.
func (s *script) forge(args map[string]string) error {
	var r *Receipt
	switch ev := s.p.toReq.msgs[0].(type) {
	case ReceiptIn:
		r = &ev.Receipt
		defer func() { s.p.toReq.msgs[0] = ev }()
	case ResultIn:
		r = &ev.Receipt
		defer func() { s.p.toReq.msgs[0] = ev }()
	default:
		return fmt.Errorf("no receipt is on its way")
	}
	for k, v := range args {
		n, err := strconv.ParseUint(v, 10, 64)
		switch k {
		case "seq":
			r.Seq = n
		case "units":
			r.Units = n
		case "job":
			r.Job, err = testHash(v), nil
		case "prev":
			r.Prev, err = testHash(v), nil
		case "output":
			r.Output, err = testHash(v), nil
		case "final":
			r.Final, err = v == "true", nil
		default:
			err = fmt.Errorf("unknown field %s", k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *script) advance(at uint64) {
	fmt.Fprintf(s.out, "%s passes\n", time.Duration(at-s.p.now)*time.Millisecond)
	for _, st := range s.p.tick(at) {
		s.print(st)
	}
}

// print writes an event, what it changed and the effects.
func (s *script) print(st stepped) {
	name := "new job"
	if st.event != nil {
		name = show(st.event)
	}
	fmt.Fprintf(s.out, "%s: %s\n", st.role, name)
	if st.err != nil {
		fmt.Fprintf(s.out, "  refused: %v\n", st.err)
		return
	}
	if st.after != st.before {
		fmt.Fprintf(s.out, "  = %s\n", s.job(st.role))
	}
	for _, e := range st.effects {
		fmt.Fprintf(s.out, "  > %s%s\n", e.effect(), fields(e))
	}
}

// job is one side's machine in a line; timeouts are relative to now.
func (s *script) job(role Role) string {
	j := s.p.req
	if role == RoleRig {
		j = s.p.rig
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s due=%s paid=%s units=%d seq=%d", j.State, j.Due, j.Paid, j.Units, j.Seq)
	for _, f := range []struct {
		name string
		set  bool
	}{{"paused", j.Paused}, {"confirmed", j.Confirmed}, {"ended", j.Ended}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	for _, f := range []struct{ name, value string }{{"ending", string(j.Ending)}, {"reason", string(j.Reason)}, {"detail", j.Detail}} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s=%q", f.name, f.value)
		}
	}
	for _, f := range []struct {
		name string
		at   uint64
	}{{"wait", j.WaitUntil}, {"run", j.RunUntil}, {"pay", j.PayUntil}} {
		if f.at != 0 {
			fmt.Fprintf(&b, " %s=%s", f.name, time.Duration(int64(f.at-s.p.now))*time.Millisecond)
		}
	}
	return b.String()
}

func show(ev Event) string { return ev.name() + fields(ev) }

// fields prints what matters of an event or effect.
func fields(v any) string {
	receipt := func(r Receipt) string {
		out := fmt.Sprintf(" seq=%d units=%d prev=%s output=%s", r.Seq, r.Units, r.Prev.Short(), r.Output.Short())
		if r.Final {
			out += fmt.Sprintf(" final exit=%d", r.ExitCode)
		}
		return out
	}
	switch v := v.(type) {
	case ReceiptIn:
		return receipt(v.Receipt)
	case SendReceipt:
		return receipt(v.Receipt)
	case ResultIn:
		return receipt(v.Receipt) + why(v.Reason, v.Detail)
	case SendResult:
		return receipt(v.Receipt) + why(v.Reason, v.Detail)
	case StatusIn:
		return " " + string(v.State) + why(v.Reason, v.Detail)
	case SendStatus:
		return " " + string(v.State) + why(v.Reason, v.Detail)
	case PaymentIn:
		return " " + v.Total.String()
	case SendVoucher:
		return " " + v.Total.String()
	case SendSettled:
		return " " + v.Paid.String()
	case FundingSeen:
		return " " + v.Available.String()
	case Measured:
		return fmt.Sprintf(" %d", v.Units)
	case Exited:
		return fmt.Sprintf(" units=%d exit=%d%s", v.Units, v.ExitCode, why(v.Reason, v.Detail))
	case StopIn:
		return why(v.Reason, "")
	case SendStop:
		return why(v.Reason, "")
	case StopAsked:
		return why(v.Reason, "")
	case Checked:
		return fmt.Sprintf(" ok=%t%s", v.OK, why("", v.Detail))
	case FundingRefused:
		return why(v.Reason, v.Detail)
	case StageFailed:
		return why(v.Reason, v.Detail)
	case ChannelFailed:
		return why(v.Reason, v.Detail)
	case Violation:
		return why(v.Reason, v.Detail)
	}
	return ""
}

func why(r Reason, detail string) string {
	out := ""
	if r != "" {
		out = " " + string(r)
	}
	if detail != "" {
		out += fmt.Sprintf(" %q", detail)
	}
	return out
}
