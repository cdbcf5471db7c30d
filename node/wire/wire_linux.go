//go:build linux && !nogvisor

package wire

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/time/rate"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const nic tcpip.NICID = 1

// ourMAC is the link address of all that a job can reach: it is locally administered, and
// alone with the job.
const ourMAC = tcpip.LinkAddress("\x02rerig")

// Here tells that Open works in this build.
const Here = true

// Wire is one sandbox's. Its methods may be called from any goroutine.
type Wire struct {
	cfg   Config
	file  *os.File
	stack *stack.Stack
	ctx   context.Context // ends with the wire
	stop  context.CancelFunc
	conns chan struct{} // one element for each connection
	in    *rate.Limiter // of bytes from the job
	out   *rate.Limiter // of bytes to the job

	mu      sync.Mutex // guards what follows
	closed  bool
	drained chan struct{}  // by Drain, which no connection begins after; closed when sending is 0
	sending int            // connections on which the job may have sent what was not passed on
	work    sync.WaitGroup // one for each connection that is opening or served
}

// Open takes over the far end of a sandbox's interface.
func Open(file *os.File, cfg Config) (*Wire, error) {
	w := &Wire{cfg: cfg, file: file, conns: make(chan struct{}, MaxConns),
		in: rate.NewLimiter(BytesPerSecond, burst), out: rate.NewLimiter(BytesPerSecond, burst)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *Wire) open() error {
	end, err := fdbased.New(&fdbased.Options{FDs: []int{int(w.file.Fd())}, MTU: w.cfg.MTU, EthernetHeader: true,
		Address: ourMAC, ProcessorsPerChannel: 1})
	if err != nil {
		return fmt.Errorf("open a job's wire: %w", err)
	}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: bufferBytes, Max: bufferBytes}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: bufferBytes, Max: bufferBytes}
	sack := tcpip.TCPSACKEnabled(true)
	for _, option := range []tcpip.SettableTransportProtocolOption{&receive, &send, &sack} {
		if err := w.stack.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return fmt.Errorf("open a job's wire: %s", err)
		}
	}
	forwarder := tcp.NewForwarder(w.stack, bufferBytes, maxOpening, w.dialled)
	w.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, forwarder.HandlePacket)
	// The interface reads from here on.
	if err := w.stack.CreateNIC(nic, end); err != nil {
		return fmt.Errorf("open a job's wire: %s", err)
	}
	for addr := range w.cfg.Routes {
		at := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber,
			AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(addr.As4()), PrefixLen: 32}}
		if err := w.stack.AddProtocolAddress(nic, at, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("open a job's wire: %s: %s", addr, err)
		}
	}
	job := tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(w.cfg.Addr.Addr().As4()), PrefixLen: 32}
	w.stack.SetRouteTable([]tcpip.Route{{Destination: job.Subnet(), NIC: nic}})
	return nil
}

// begin takes a place among the wire's connections; end gives it back.
func (w *Wire) begin() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.drained != nil {
		return errors.New("the job has ended")
	}
	select {
	case w.conns <- struct{}{}:
		w.work.Add(1)
		return nil
	default:
		return fmt.Errorf("the job has %d connections open, and may have no more", MaxConns)
	}
}

func (w *Wire) end() {
	<-w.conns
	w.work.Done()
}

// passedOn notes that all of a connection is passed on that the job sent.
func (w *Wire) passedOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sending--
	if w.drained != nil && w.sending == 0 {
		close(w.drained)
	}
}

// Drain waits until all is passed on that the job sent before it ended, for as long as ctx
// lasts. No connection begins after it. The job must have ended, so that its connections do.
func (w *Wire) Drain(ctx context.Context) error {
	w.mu.Lock()
	if w.drained == nil {
		w.drained = make(chan struct{})
		if w.sending == 0 {
			close(w.drained)
		}
	}
	drained, left := w.drained, w.sending
	w.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pass on what a job sent before it ended, on %d connections: %w", left, ctx.Err())
	}
}

// dialled serves a connection that the job opens, in a goroutine of its own.
func (w *Wire) dialled(r *tcp.ForwarderRequest) {
	if w.begin() != nil {
		r.Complete(true)
		return
	}
	c, serve := w.accept(r)
	if serve == nil {
		w.end()
		return
	}
	defer c.Close()
	serve(c)
}

// accept opens what the job asks for, or refuses it; serve is nil then.
func (w *Wire) accept(r *tcp.ForwarderRequest) (c Conn, serve func(Conn)) {
	id := r.ID()
	route := w.cfg.Routes[netip.AddrFrom4(id.LocalAddress.As4())]
	err := errors.New("no such address")
	if route != nil && netip.AddrFrom4(id.RemoteAddress.As4()) == w.cfg.Addr.Addr() {
		serve, err = route(w.ctx, id.LocalPort)
	}
	if err != nil {
		r.Complete(true)
		return nil, nil
	}
	queue := new(waiter.Queue)
	end, failed := r.CreateEndpoint(queue)
	r.Complete(failed != nil)
	if failed != nil { // the job went away: the other side learns of it
		serve(newGone())
		return nil, nil
	}
	return w.connected(queue, end), serve
}

// Dial connects to a port of the job, from an address that has a route. The connection is
// the caller's to close.
func (w *Wire) Dial(ctx context.Context, from netip.Addr, port uint16) (Conn, error) {
	if w.cfg.Routes[from] == nil {
		return nil, fmt.Errorf("the job knows no address %s", from)
	}
	if err := w.begin(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)()
	c, err := w.dial(ctx, from, port)
	if err != nil {
		w.end()
		return nil, fmt.Errorf("dial port %d of the job: %w", port, err)
	}
	return c, nil
}

// dial is gonet's, whose connections cannot be reset.
func (w *Wire) dial(ctx context.Context, from netip.Addr, port uint16) (*conn, error) {
	queue := new(waiter.Queue)
	end, failed := w.stack.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, queue)
	if failed != nil {
		return nil, errors.New(failed.String())
	}
	entry, writable := waiter.NewChannelEntry(waiter.WritableEvents)
	queue.EventRegister(&entry)
	defer queue.EventUnregister(&entry)
	if failed = end.Bind(tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFrom4(from.As4())}); failed == nil {
		failed = end.Connect(tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFrom4(w.cfg.Addr.Addr().As4()), Port: port})
	}
	if _, begun := failed.(*tcpip.ErrConnectStarted); begun {
		select {
		case <-ctx.Done():
			end.Abort()
			return nil, ctx.Err()
		case <-writable:
		}
		failed = end.LastError()
	}
	if failed != nil {
		end.Close()
		return nil, errors.New(failed.String())
	}
	return w.connected(queue, end), nil
}

// Close resets every connection and returns when nothing of the wire is left.
func (w *Wire) Close() error {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if closed {
		return nil
	}
	w.stop()
	w.stack.Close()
	w.work.Wait()
	w.stack.Wait()
	return w.file.Close()
}
