package models

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// painter is an engine whose servers make a token, and images of 30 units as they say.
type painter struct{ tells, draws string }

// easel is such a server. Its answers are whole.
type easel struct {
	*painter
	ended chan struct{}
	once  sync.Once
}

type sheet struct {
	io.Reader
	status int
	made   uint64
}

func (p *painter) Start(ctx context.Context, _ Model) (Server, error) {
	s := &easel{painter: p, ended: make(chan struct{})}
	context.AfterFunc(ctx, s.Stop)
	return s, nil
}

func (s *easel) Ask(_ context.Context, r Request) (Answer, error) {
	switch r.Path {
	case modelsPath:
		return sheet{strings.NewReader(fmt.Sprintf(`{"data":[{"context_length":64%s}]}`, s.tells)), 200, 0}, nil
	case imagePath:
		if s.draws == "" {
			return sheet{strings.NewReader(`{"error":{"message":"no paint"}}`), 500, 0}, nil
		}
		return sheet{strings.NewReader(s.draws), 200, 30}, nil
	}
	return sheet{strings.NewReader(`{}`), 200, 1}, nil
}
func (s *easel) MemoryBytes() uint64    { return 1 }
func (s *easel) Ended() <-chan struct{} { return s.ended }
func (s *easel) Err() error             { return nil }
func (s *easel) Stop()                  { s.once.Do(func() { close(s.ended) }) }

func (s sheet) Head() (int, string, error) { return s.status, "application/json", nil }
func (s sheet) Hold(bool)                  {}
func (s sheet) Cost() (read, made uint64)  { return 0, s.made }
func (s sheet) Close() error               { return nil }

// TestImagesAreProved: a model that says it makes images is offered, and asked for them, only where
// it made one that costs what it says, within a tick; one that says nothing has no such path.
func TestImagesAreProved(t *testing.T) {
	const tells = `,"images":{"units":30,"bytes":100,"sizes":["64x64"]}`
	for about, c := range map[string]struct {
		painter
		tick  uint64
		fails string
	}{
		"proved":       {painter{tells, `{"data":[]}`}, 64, ""},
		"says nothing": {painter{"", ""}, 64, ""},
		"makes none":   {painter{tells, ""}, 64, "no paint"},
		"other price":  {painter{strings.Replace(tells, "30", "31", 1), `{}`}, 64, "it made no image"},
		"over a tick":  {painter{tells, `{}`}, 29, "tick=30"},
		"no size":      {painter{strings.Replace(tells, `"64x64"`, "", 1), `{}`}, 64, "images.sizes"},
	} {
		t.Run(about, func(t *testing.T) {
			set, err := New(Config{MemoryBytes: 2, Engine: &c.painter, Logger: slog.New(slog.DiscardHandler), Models: []Model{{
				Served: protocol.Served{CID: "cid of m", Name: "m", PerMillion: protocol.NewAmount(1), Tick: c.tick}, MemoryBytes: 1}}})
			if err != nil {
				t.Fatal(err)
			}
			r := &rig{Set: set, t: t}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			t.Cleanup(func() {
				stop()
				<-ended
			})
			err = r.Prove(t.Context())
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || len(r.Served()) > 0 {
					t.Errorf("it is served, or not because of %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			offered, client := r.Served()[0], r.open("m")
			status, got := client.say(imagePath, `{"prompt":"x"}`)
			switch {
			case c.tells == "" && (offered.Images != nil || status != http.StatusNotFound):
				t.Errorf("%+v, and it answers %d %s", offered.Images, status, got)
			case c.tells != "" && (offered.Images == nil || offered.Images.Units != 30 || status != http.StatusOK || string(got) != c.draws || client.Units() != 30):
				t.Errorf("%+v, and it answers %d %s for %d", offered.Images, status, got, client.Units())
			}
		})
	}
}
