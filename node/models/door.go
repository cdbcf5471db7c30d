package models

import (
	"context"
	"errors"
	"net"
	"sync"
)

// door is a listener for connections made in this process.
type door struct {
	coming chan net.Conn // never closed
	closed chan struct{} // closed by Close
	once   sync.Once     // of Close
}

var errSessionOver = errors.New("the session is over")

func newDoor() *door { return &door{coming: make(chan net.Conn), closed: make(chan struct{})} }

// enter makes a connection and hands its other end to Accept.
func (d *door) enter(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case d.coming <- far:
		return near, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), near.Close(), far.Close())
	case <-d.closed:
		return nil, errors.Join(errSessionOver, near.Close(), far.Close())
	}
}

// Accept waits for a connection, until the door is closed.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.coming:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close lets nobody in any more.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// Addr is a name.
func (d *door) Addr() net.Addr { return doorAddr{} }

type doorAddr struct{}

func (doorAddr) Network() string { return "session" }
func (doorAddr) String() string  { return "session" }
