package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rerig/rerig/protocol"
)

// try starts a model's server, asks for its context and has it make a few tokens: nothing is
// offered that did not.
func (s *Set) try(m *model) (Server, uint32, error) {
	server, err := s.begin(m)
	if err != nil {
		return nil, 0, err
	}
	tokens, err := s.prove(m, server)
	if err != nil {
		server.Stop()
		return nil, 0, err
	}
	return server, tokens, nil
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

// prove returns the context of a server that made tokens.
func (s *Set) prove(m *model, server Server) (uint32, error) {
	ctx, cancel := context.WithTimeout(s.running, proofTime)
	defer cancel()
	raw, _, err := s.ask(ctx, server, Request{Method: "GET", Path: modelsPath})
	if err != nil {
		return 0, fmt.Errorf("ask for the model's context: %w", err)
	}
	var list struct {
		Data []struct {
			Context int64 `json:"context_length"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Data) != 1 {
		return 0, errors.Join(errors.New("the server does not name its one model"), err)
	}
	tokens := list.Data[0].Context
	if tokens < 1 || tokens > protocol.MaxContext {
		return 0, fmt.Errorf("a context of %d tokens, 1 to %d can be offered", tokens, protocol.MaxContext)
	}
	body, err := json.Marshal(map[string]any{"model": m.Name, "prompt": "Once upon a time", "max_tokens": 4, "temperature": 0})
	if err != nil {
		return 0, err
	}
	_, made, err := s.ask(ctx, server, Request{Method: "POST", Path: completePath, Body: body})
	switch {
	case err != nil:
		return 0, fmt.Errorf("have it make tokens: %w", err)
	case made == 0:
		return 0, errors.New("it made no token of a few words")
	}
	return uint32(tokens), nil
}
