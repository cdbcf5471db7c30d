package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rerig/rerig/protocol"
)

// proved is what a server said of itself and did.
type proved struct {
	Context uint32
	Images  *protocol.Images // nil where it makes none
}

// try starts a model's server, asks for its context and has it make a few tokens, and an image
// where it says that it makes them: nothing is offered that did not.
func (s *Set) try(m *model) (Server, proved, error) {
	server, err := s.begin(m)
	if err != nil {
		return nil, proved{}, err
	}
	did, err := s.prove(m, server)
	if err != nil {
		server.Stop()
		return nil, proved{}, err
	}
	return server, did, nil
}

// begin starts a server that lives as long as the set, or is given up.
func (s *Set) begin(m *model) (Server, error) {
	ctx, cancel := context.WithCancel(s.running)
	late := time.AfterFunc(loadTime, cancel)
	server, err := s.cfg.Engine.Start(ctx, m.Model)
	if inTime := late.Stop(); err == nil && !inTime {
		server.Stop()
		err = fmt.Errorf("it does not answer in %v", loadTime)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s.work.Go(func() {
		<-server.Ended()
		cancel()
	})
	return server, nil
}

// prove returns what a server does that made tokens.
func (s *Set) prove(m *model, server Server) (did proved, err error) {
	ctx, cancel := context.WithTimeout(s.running, proofTime)
	defer cancel()
	raw, _, err := s.ask(ctx, server, Request{Method: "GET", Path: modelsPath})
	if err != nil {
		return did, fmt.Errorf("ask for the model's context: %w", err)
	}
	var list struct {
		Data []struct {
			Context int64            `json:"context_length"`
			Images  *protocol.Images `json:"images"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Data) != 1 {
		return did, errors.Join(errors.New("the server does not name its one model"), err)
	}
	tokens := list.Data[0].Context
	if tokens < 1 || tokens > protocol.MaxContext {
		return did, fmt.Errorf("a context of %d tokens, 1 to %d can be offered", tokens, protocol.MaxContext)
	}
	did = proved{uint32(tokens), list.Data[0].Images}
	body, err := json.Marshal(map[string]any{"model": m.Name, "prompt": "Once upon a time", "max_tokens": 4, "temperature": 0})
	if err != nil {
		return did, err
	}
	_, made, err := s.ask(ctx, server, Request{Method: "POST", Path: completePath, Body: body})
	switch {
	case err != nil:
		return did, fmt.Errorf("have it make tokens: %w", err)
	case made == 0:
		return did, errors.New("it made no token of a few words")
	}
	return did, s.draw(m, server, did.Images)
}

// draw has a server make an image, if it says that it does.
func (s *Set) draw(m *model, server Server, i *protocol.Images) error {
	if i == nil {
		return nil
	}
	if err := i.Check("images"); err != nil {
		return err
	}
	if i.AtOnce(m.Tick) == 0 {
		return fmt.Errorf("an image costs %d units and a tick has %d; serve it with tick=%d or more", i.Units, m.Tick, i.Units)
	}
	ctx, cancel := context.WithTimeout(s.running, drawTime)
	defer cancel()
	body, err := json.Marshal(map[string]any{"model": m.Name, "prompt": "a red circle", "n": 1, "size": i.Sizes[0], "response_format": "b64_json"})
	if err != nil {
		return err
	}
	if _, made, err := s.ask(ctx, server, Request{Method: "POST", Path: imagePath, Body: body}); err != nil || made != i.Units {
		return errors.Join(errors.New("it made no image, which it says that it does"), err)
	}
	return nil
}
