package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// draws makes a rig's model one that makes images of 20 units.
func (r *fakeRig) draws() *fakeRig {
	r.offer.Model.Images = &protocol.Images{Units: 20, Bytes: 6, Sizes: []string{"64x64", "128x64"}}
	return r
}

const drawing = `"model":"jargon","prompt":"a red circle"`

// TestImages: images come as base64 and cost what is in the answer, whatever the rig says of it; what
// no rig makes is refused with its reason, and the models tell who makes which.
func TestImages(t *testing.T) {
	m := &fakeMarket{}
	var asked map[string]any
	picture := m.rig(t, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		asked = nil
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/v1/images/generations" {
			t.Error(r.URL.Path, err)
		}
		io.WriteString(w, `{"created":1,"data":[{"b64_json":"aGVsbG8h","revised_prompt":"a circle"},{"b64_json":"aGk="}],"usage":{"total_tokens":9999},"extra":1}`)
	})).draws()
	words := m.rig(t, 2, scripted(func(http.ResponseWriter, *http.Request) { t.Error("a rig that makes no images is asked for some") }))
	words.offer.Model.PerMillion = protocol.NewAmount(1) // cheaper
	path, secrets := keyed(t, Key{Name: "rich"}, Key{Name: "poor", Budget: protocol.NewAmount(59)})
	keys, err := LoadKeys(path, tokens)
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, m, func(c *Config) { c.Keys = keys })
	as := func(name string) []string { return []string{"Authorization", "Bearer " + secrets[name]} }
	url := "/v1/images/generations"
	three := `{` + drawing + `,"n":3,"size":"128x64","user":"me"}`
	if e := c.refuse(url, three, as("poor")...); e.Status != http.StatusPaymentRequired { // 60 are held
		t.Errorf("%+v", e)
	}
	res, raw := c.post(url, three, as("rich")...)
	var got struct {
		Created int64
		Data    []map[string]string
		Usage   map[string]int
		Extra   int
	}
	if err := json.Unmarshal(raw, &got); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, raw)
	}
	if len(got.Data) != 2 || got.Data[0]["b64_json"] != "aGVsbG8h" || got.Data[0]["revised_prompt"] != "a circle" || got.Usage["total_tokens"] != 40 || got.Extra != 0 || got.Created < 2 {
		t.Errorf("it answers %s", raw)
	}
	if cost := res.Header.Get(headerCost); cost != text(protocol.NewAmount(40)) {
		t.Errorf("two images of 20 cost %s", cost)
	}
	if said := fmt.Sprint(asked); said != "map[model:jargon n:3 prompt:a red circle response_format:b64_json size:128x64]" {
		t.Errorf("the rig is asked %s", said)
	}
	for param, body := range map[string]string{
		"response_format": `,"response_format":"url"`, "size": `,"size":"65x64"`, "n": `,"n":4`, "stream": `,"stream":true`, "temperature": `,"temperature":1`,
		"prompt": `,"prompt":"` + strings.Repeat("x", protocol.MaxImagePrompt+1) + `"`,
	} {
		if e := c.refuse(url, `{`+drawing+body+`}`, as("rich")...); e.Status != 400 || e.param() != param {
			t.Errorf("%s: %+v", param, e)
		}
	}
	_, raw = c.send(http.MethodGet, "/v1/models/jargon", "", as("rich")...)
	if !strings.Contains(string(raw), `"images":{"units":20,"bytes":6,"sizes":["64x64","128x64"],"n":3,"price":"0.00002 tUSDC an image"}`) {
		t.Errorf("the model tells %s", raw)
	}
	c.stop()
	if picture.sessions[0].Spent() != protocol.NewAmount(60) { // as many were on their way at once
		t.Errorf("the rig was paid %s", picture.sessions[0].Spent())
	}
	if name := "words"; len(words.sessions) > 0 {
		t.Errorf("%s were hired", name)
	}
}

// TestImagesFail: a rig whose images are none, or too large, is paid for none and another is asked
// unseen; where nobody makes some the key keeps its money.
func TestImagesFail(t *testing.T) {
	m := &fakeMarket{}
	var bad atomic.Value
	bad.Store(`{"data":[{"b64_json":"aGVsbG8hIQ=="}]}`)
	first := m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, bad.Load().(string)) })).draws()
	first.offer.Model.PerMillion = protocol.NewAmount(999_999) // asked first
	second := m.rig(t, 2, scripted(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"data":[{"b64_json":"aGk="}]}`) })).draws()
	path, secrets := keyed(t, Key{Name: "one", Budget: protocol.NewAmount(45)})
	keys, err := LoadKeys(path, tokens)
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, m, func(c *Config) { c.Keys = keys })
	url, as := "/v1/images/generations", []string{"Authorization", "Bearer " + secrets["one"]}
	for i, answer := range []string{`{"data":[{"b64_json":"aGVsbG8hIQ=="}]}`, `{"data":[{"b64_json":"a!"}]}`} {
		bad.Store(answer)
		c.g.rigs.forgive()
		res, raw := c.post(url, `{`+drawing+`}`, as...)
		if res.StatusCode != http.StatusOK || res.Header.Get(headerRig) != second.offer.Rig.String() || res.Header.Get(headerCost) != text(protocol.NewAmount(20)) {
			t.Fatalf("answer %d: %d %v %s", i, res.StatusCode, res.Header, raw)
		}
	}
	if e := c.refuse(url, `{`+drawing+`}`, as...); e.Status != http.StatusPaymentRequired { // 40 of 45 are spent, and nothing is held
		t.Errorf("%+v", e)
	}
}
