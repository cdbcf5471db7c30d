package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/testnet"
)

// faucetServer gives test coins away on loopback, and ends the test network for
// whoever knows its secret.
type faucetServer struct {
	net    *testnet.Net
	secret string
	stop   context.CancelFunc
	url    string
	server *http.Server
	ended  sync.WaitGroup // the goroutine that serves, ended by close

	giving sync.Mutex // one transaction pair at a time; owner: faucetServer
}

// startFaucet serves on a free port of 127.0.0.1 until close.
func startFaucet(n *testnet.Net, secret string, stop context.CancelFunc) (*faucetServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("faucet: %w", err)
	}
	f := &faucetServer{net: n, secret: secret, stop: stop, url: "http://" + l.Addr().String()}
	f.server = &http.Server{Handler: f.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	f.ended.Go(func() {
		if err := f.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			stop() // without its faucet the network is of no use
		}
	})
	return f, nil
}

// close lets the answers under way arrive: one may be to whoever asked for the end.
func (f *faucetServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := f.server.Shutdown(ctx)
	if err != nil {
		err = f.server.Close()
	}
	f.ended.Wait()
	return err
}

func (f *faucetServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /faucet", f.give)
	mux.HandleFunc("POST /stop", f.end)
	return local(mux)
}

// local keeps web pages out: their requests name another host or an origin.
func local(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil || host != "127.0.0.1" || r.Header.Get("Origin") != "" {
			answer(w, http.StatusForbidden, faucetReply{Error: "programs on this machine only"})
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (f *faucetServer) give(w http.ResponseWriter, r *http.Request) {
	var req faucetRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaucetIO)).Decode(&req); err != nil {
		answer(w, http.StatusBadRequest, faucetReply{Error: "want {\"address\": \"0x…\"}: " + err.Error()})
		return
	}
	if req.Address.IsZero() {
		answer(w, http.StatusBadRequest, faucetReply{Error: "address: not the zero address"})
		return
	}
	f.giving.Lock()
	defer f.giving.Unlock()
	if err := f.net.Endow(r.Context(), req.Address); err != nil {
		answer(w, http.StatusInternalServerError, faucetReply{Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, faucetReply{Native: testnet.StartNative, Tokens: testnet.StartTokens})
}

func (f *faucetServer) end(w http.ResponseWriter, r *http.Request) {
	got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(got), []byte(f.secret)) != 1 {
		answer(w, http.StatusForbidden, faucetReply{Error: "wrong secret"})
		return
	}
	answer(w, http.StatusOK, faucetReply{})
	f.stop()
}

func answer(w http.ResponseWriter, code int, v faucetReply) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a client that left needs no answer
}

// postStop asks a test network to end. Only the process that wrote the secret
// obeys it.
func postStop(ctx context.Context, url, secret string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	req.Close = true // it is asked once
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxFaucetIO)); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New("it answers " + res.Status)
	}
	return nil
}
