package main

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// rank is this program's place in its gang, by its environment.
func rank() (own, world int, peers []string) {
	own, err := strconv.Atoi(os.Getenv("RERIG_RANK"))
	check(err)
	world, err = strconv.Atoi(os.Getenv("RERIG_WORLD"))
	check(err)
	return own, world, strings.Split(os.Getenv("RERIG_PEERS"), ",")
}

// reach connects, again until the other one listens.
func reach(addr string) net.Conn {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err == nil {
			return c
		}
		if time.Since(begun) > 30*time.Second {
			check(err)
		}
	}
}

// allreduce sums a vector over all ranks, in a ring of connections to ports that the kernel
// chose, as gloo does: rank 0 listens where MASTER_ADDR and MASTER_PORT say, and tells
// everybody where the others are. Each rank prints the sum.
func allreduce(length int) {
	own, world, peers := rank()
	l, err := net.Listen("tcp", peers[own]+":0")
	check(err)
	ring := meet(own, world, l.Addr().String())
	next := reach(ring[(own+1)%world])
	previous, err := l.Accept()
	check(err)
	total, passing := make([]float64, length), make([]float64, length)
	for i := range passing {
		passing[i] = float64((own + 1) * (i + 1))
		total[i] = passing[i]
	}
	to, from := gob.NewEncoder(next), gob.NewDecoder(previous)
	for range world - 1 {
		sent := make(chan error, 1)
		go func(v []float64) { sent <- to.Encode(v) }(append([]float64(nil), passing...))
		passing = nil
		check(from.Decode(&passing))
		check(<-sent)
		for i, v := range passing {
			total[i] += v
		}
	}
	var sum float64
	for _, v := range total {
		sum += v
	}
	fmt.Printf("rank %d of %d: %.0f\n", own, world, sum)
	check(os.WriteFile("/out/sum", []byte(fmt.Sprintf("%.0f", sum)), 0o644))
}

// meet exchanges the ranks' addresses through rank 0.
func meet(own, world int, addr string) []string {
	at := net.JoinHostPort(os.Getenv("MASTER_ADDR"), os.Getenv("MASTER_PORT"))
	type card struct {
		Rank int
		Addr string
	}
	if own > 0 {
		c := reach(at)
		check(gob.NewEncoder(c).Encode(card{own, addr}))
		var all []string
		check(gob.NewDecoder(c).Decode(&all))
		return all
	}
	l, err := net.Listen("tcp", at)
	check(err)
	all, conns := make([]string, world), []net.Conn(nil)
	all[0] = addr
	for range world - 1 {
		c, err := l.Accept()
		check(err)
		var who card
		check(gob.NewDecoder(c).Decode(&who))
		all[who.Rank] = who.Addr
		conns = append(conns, c)
	}
	for _, c := range conns {
		check(gob.NewEncoder(c).Encode(all))
	}
	return all
}

// hang connects rank 1 to rank 0 and has both wait; whoever sees the connection break says
// so. With a code, rank 1 then ends with it.
func hang(code string) {
	own, _, peers := rank()
	var c net.Conn
	if own == 0 {
		l, err := net.Listen("tcp", peers[0]+":7000")
		check(err)
		c, err = l.Accept()
		check(err)
	} else {
		c = reach(peers[0] + ":7000")
	}
	fmt.Println("connected")
	if own == 1 && code != "" {
		n, _ := strconv.Atoi(code)
		os.Exit(n)
	}
	_, err := c.Read(make([]byte, 1))
	fmt.Println("broken:", err)
	for {
		time.Sleep(time.Minute) // until it is stopped
	}
}

// leave has rank 0 send bytes to rank 1 and end at once. Rank 1 reads them when rank 0 has
// had time to be gone, and says how many came in order.
func leave(length int) {
	own, _, peers := rank()
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(i % 251)
	}
	if own == 0 {
		_, err := reach(peers[1] + ":7000").Write(b)
		check(err)
		fmt.Println("left")
		return
	}
	l, err := net.Listen("tcp", peers[1]+":7000")
	check(err)
	c, err := l.Accept()
	check(err)
	time.Sleep(2 * time.Second)
	got, err := io.ReadAll(c)
	fmt.Println("got", len(got), bytes.Equal(got, b), err)
}

// look tells which addresses answer, and what interfaces there are.
func look(addrs []string) {
	own, world, peers := rank()
	l, err := net.Listen("tcp", peers[own]+":7000")
	check(err)
	for other := range world {
		if other != own {
			reach(peers[other] + ":7000") // the link itself works
		}
	}
	all, err := net.Interfaces()
	check(err)
	for _, i := range all {
		fmt.Println("interface", i.Name)
	}
	for _, addr := range addrs {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		fmt.Println(addr, err == nil)
	}
	for range world - 1 {
		_, err := l.Accept() // the others have looked too
		check(err)
	}
}
