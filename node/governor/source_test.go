package governor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func money(text string) (int64, error) {
	r, err := ParseRate(text)
	return int64(r), err
}

func TestSources(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/plain":
			_, _ = w.Write([]byte(" 0.0312\n"))
		case "/json":
			_, _ = w.Write([]byte(`{"data":[{"price":83.12,"text":"0.5/d"},{"price":-1.2e1}],"deep":{"on":true}}`))
		case "/long":
			_, _ = w.Write([]byte(strings.Repeat("1", sourceBytes+1)))
		default:
			http.Error(w, "no", http.StatusTeapot)
		}
	}))
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	file := filepath.Join(t.TempDir(), "revenue")
	if err := os.WriteFile(file, []byte("0.72/d"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int64{srv.URL + "/plain": 31_200, srv.URL + "/json#data.0.price/1000": 83_120, srv.URL + "/json#data.1.price": -12_000_000,
		srv.URL + "/json#data.0.text": 20_833, "file:" + file: 30_000} {
		s, ok, err := ParseSource(text, money)
		if !ok || err != nil {
			t.Fatalf("%s: %t %v", text, ok, err)
		}
		if got, err := s.Read(t.Context()); err != nil || got != want {
			t.Errorf("%s tells %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{srv.URL + "/none?key=secret": "it answers 418", srv.URL + "/long": "more than 256 KiB",
		srv.URL + "/json#data.2.price": "the list has 2", srv.URL + "/json#nothing.here": "no number at", srv.URL + "/json#deep": "no number at",
		srv.URL + "/plain#x": "no number at", "file:" + file + ".none": "no such file", "http://127.0.0.1:1/?key=secret": "refused",
		srv.URL + "/json#deep.on": "a decimal number"} {
		s, _, err := ParseSource(text, money)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s tells %d, %v; want %s", text, v, err, want)
		}
	}
	if _, ok, _ := ParseSource("0.15", money); ok {
		t.Error("a number is a source")
	}
	for _, text := range []string{"http://", "file:", "http://x/#a/0", "http://x/#a/b", "http://x/#" + strings.Repeat("a.", 20)} {
		if _, _, err := ParseSource(text, money); err == nil {
			t.Errorf("%s is a source", text)
		}
	}
}

func TestWarmth(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	told := func(text string) Figure {
		v, err := ParseThermostat(text)
		if err != nil {
			t.Fatal(err)
		}
		return Figure{Value: v, Known: true, At: now}
	}
	hours, err := ParseHours("06:00-09:00")
	if err != nil {
		t.Fatal(err)
	}
	both := &Warmth{Hours: hours, Thermostat: &Source{}, Target: 21_000}
	plain := &Warmth{Thermostat: &Source{}}
	for _, one := range []struct {
		about     string
		w         *Warmth
		told      Figure
		at        time.Time
		was, want bool
	}{
		{"no heat mode", nil, Figure{}, now, true, false},
		{"within the hours", both, Figure{}, now.Add(-5 * time.Hour), false, true},
		{"cold", both, told("20.4"), now, false, true},
		{"not cold enough to begin", both, told("20.8"), now, false, false},
		{"not warm enough to end", both, told("21.4"), now, true, true},
		{"warm", both, told("21.5"), now, true, false},
		{"told too long ago", both, told("15"), now.Add(7 * time.Hour), true, false},
		{"a switch that is on", plain, told("on"), now, false, true},
		{"and off", plain, told("off"), now, true, false},
	} {
		if got := one.w.wanted(one.at, one.told, 6*time.Hour, one.was); got != one.want {
			t.Errorf("%s: wanted %t", one.about, got)
		}
	}
	if _, err := ParseThermostat("warm"); err == nil {
		t.Error("a thermostat says warm")
	}
}
