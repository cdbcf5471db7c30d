package main

import "testing"

// TestPublishSyntax: Docker's, on loopback unless an address is given.
func TestPublishSyntax(t *testing.T) {
	for text, want := range map[string]struct {
		at   string // "" is refused
		port uint16
	}{
		"80":                   {"127.0.0.1:0", 80},
		"8080:80":              {"127.0.0.1:8080", 80},
		"8080:80/tcp":          {"127.0.0.1:8080", 80},
		":80":                  {"127.0.0.1:0", 80},
		"0.0.0.0:8080:80":      {"0.0.0.0:8080", 80},
		"127.0.0.2::80":        {"127.0.0.2:0", 80},
		"[::1]:8080:80":        {"[::1]:8080", 80},
		"[::1]::80":            {"[::1]:0", 80},
		"8080:80/udp":          {},
		"":                     {},
		"0":                    {},
		"8080:0":               {},
		"8080:":                {},
		"80:65536":             {},
		"65536:80":             {},
		"-1:80":                {},
		"8080-8090:80-90":      {},
		"localhost:8080:80":    {},
		"example.org:8080:80":  {},
		"::1:8080:80x":         {},
		"[::1:8080:80":         {},
		"127.0.0.1:80:80:8080": {},
	} {
		at, port, err := parsePublish(text)
		if want.at == "" {
			if err == nil {
				t.Errorf("%q is taken for %v and port %d", text, at, port)
			}
			continue
		}
		if err != nil || at.String() != want.at || port != want.port {
			t.Errorf("%q is %v, port %d, %v", text, at, port, err)
		}
	}
}
