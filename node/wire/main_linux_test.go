//go:build linux && !nogvisor

package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// job is the variable that makes the test's binary a job: it does what its standard input says.
const job = "RERIG_WIRE_JOB"

func TestMain(m *testing.M) {
	if os.Getenv(job) != "" {
		work()
		return
	}
	goleak.VerifyTestMain(m)
}

// work does one order a line and answers each with a line.
func work() {
	orders := bufio.NewScanner(os.Stdin)
	var held []net.Conn // by "hold", until the job's end
	for orders.Scan() {
		f := strings.Fields(orders.Text())
		var said string
		var err error
		switch f[0] {
		case "echo": // address, bytes: sends and has them back
			said, err = echoed(f[1], f[2])
		case "dial": // address
			var c net.Conn
			if c, err = net.DialTimeout("tcp", f[1], time.Second); err == nil {
				c.Close()
			}
		case "hold": // address, n: connections that stay open
			n, _ := strconv.Atoi(f[2])
			for range n {
				c, failed := net.DialTimeout("tcp", f[1], 10*time.Second)
				if failed != nil {
					err = failed
					break
				}
				held = append(held, c)
			}
			said = fmt.Sprint(len(held))
		case "send": // address, bytes: sends them on a connection that stays open, and reads none
			said, err = sent(f[1], f[2])
		case "broken": // the first held connection ends
			_, err = held[0].Read(make([]byte, 1))
		case "from": // source, address: as somebody else
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(f[1])}, Timeout: time.Second,
				Control: func(_, _ string, c syscall.RawConn) error {
					var err error
					return errors.Join(c.Control(func(fd uintptr) {
						err = syscall.SetsockoptInt(int(fd), syscall.SOL_IP, syscall.IP_TRANSPARENT, 1)
					}), err)
				}}
			var c net.Conn
			if c, err = d.Dial("tcp", f[2]); err == nil {
				c.Close()
			}
		case "serve": // address: echoes to whoever dials
			err = serve(f[1])
		}
		if err != nil {
			said = "error " + err.Error()
		}
		fmt.Println(said)
	}
}

func echoed(addr, bytes string) (string, error) {
	n, err := strconv.Atoi(bytes)
	if err != nil {
		return "", err
	}
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyN(c, &pattern{}, int64(n))
		sent <- errors.Join(err, c.(*net.TCPConn).CloseWrite())
	}()
	err = expect(c, n)
	return "ok", errors.Join(err, <-sent)
}

func sent(addr, bytes string) (string, error) {
	n, err := strconv.Atoi(bytes)
	if err != nil {
		return "", err
	}
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return "", err
	}
	if err := c.(*net.TCPConn).SetWriteBuffer(n); err != nil {
		return "", err
	}
	_, err = io.CopyN(c, &pattern{}, int64(n))
	return "ok", err
}

// pattern is bytes that show what was lost or swapped.
type pattern struct{ at int }

func (r *pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte((r.at + i) % 251)
	}
	r.at += len(p)
	return len(p), nil
}

// expect reads n bytes of the pattern and the end.
func expect(r io.Reader, n int) error {
	buf := make([]byte, 64<<10)
	for at := 0; at < n; {
		m, err := io.ReadFull(r, buf[:min(len(buf), n-at)])
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", at+m, n, err)
		}
		for i, b := range buf[:m] {
			if b != byte((at+i)%251) {
				return fmt.Errorf("byte %d is %d", at+i, b)
			}
		}
		at += m
	}
	if m, err := r.Read(buf); m != 0 || err != io.EOF {
		return fmt.Errorf("%d bytes more, %v", m, err)
	}
	return nil
}

func serve(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	go func() { // lives as long as the job
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.(*net.TCPConn).CloseWrite()
			}()
		}
	}()
	return nil
}
