package protocol

import "testing"

// TestTokenUnits holds what a served request costs (SPEC §5.4).
func TestTokenUnits(t *testing.T) {
	for _, c := range []struct{ read, made, units uint64 }{
		{0, 0, 0}, {1, 0, 1}, {8, 0, 1}, {9, 0, 2}, {16, 5, 7}, {0, 5, 5}, {17, 1, 4},
	} {
		if got := TokenUnits(c.read, c.made); got != c.units {
			t.Errorf("%d read and %d made are %d units, want %d", c.read, c.made, got, c.units)
		}
	}
}

// TestDialFrames holds the two small frames of SPEC §5.7.
func TestDialFrames(t *testing.T) {
	good := Dial{Version: Version, Job: testHash("job"), Port: 80}
	b, err := Encode(good)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeDial(b)
	if err != nil || got.Job != good.Job || got.Port != good.Port {
		t.Fatalf("%+v, %v", got, err)
	}
	for what, change := range map[string]func(*Dial){
		"version":   func(d *Dial) { d.Version = 2 },
		"port":      func(d *Dial) { d.Port = 0 },
		"extension": func(d *Dial) { d.Crit = Extensions{"shell": nil} },
	} {
		d := good
		change(&d)
		b, err := Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeDial(b); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if _, err := DecodeDial(make([]byte, MaxDialFrame+1)); err == nil {
		t.Error("a frame past the limit was read")
	}
	refusal, err := Encode(Dialed{Version: Version, Reason: ReasonResources, Detail: "nothing listens"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := DecodeDialed(refusal); err != nil || r.Reason != ReasonResources {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := DecodeDialed([]byte{0xff}); err == nil {
		t.Error("rubbish was read")
	}
}
