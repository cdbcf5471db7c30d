package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestJobKeyLength: a key is 32 bytes, or is not there at all.
func TestJobKeyLength(t *testing.T) {
	for n, ok := range map[int]bool{0: true, 1: false, JobKeyBytes - 1: false, JobKeyBytes: true, JobKeyBytes + 1: false} {
		a := sealedAccept()
		a.JobKey = make(JobKey, n)
		b, err := Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.check(); (err == nil) != ok {
			t.Errorf("%d bytes: %v", n, err)
		}
		again := new(Accept)
		if err := Decode(b, again); err != nil || len(again.JobKey) != n {
			t.Errorf("%d bytes: decoded to %d, %v", n, len(again.JobKey), err)
		}
	}
}

func TestJobKeyNeverPrints(t *testing.T) {
	a := sealedAccept()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{a.JobKey, a, *a} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, fmt.Sprintf("%x", []byte(a.JobKey[:4]))) || strings.Contains(s, fmt.Sprint(a.JobKey[0], " ", a.JobKey[1])) {
				t.Errorf("%s of %T prints the key: %s", verb, v, s)
			}
		}
	}
	if b, err := json.Marshal(a.JobKey); err != nil || string(b) != `"[job key]"` {
		t.Errorf("JSON has %s, %v", b, err)
	}
}
