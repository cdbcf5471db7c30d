package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// ask connects to hosts through the proxy that the environment names, and prints what each
// says first, or why there is nothing.
func ask(hosts []string) {
	proxy, err := url.Parse(os.Getenv("HTTPS_PROXY"))
	check(err)
	for _, host := range hosts {
		c, err := net.DialTimeout("tcp", proxy.Host, 5*time.Second)
		check(err)
		check(c.SetDeadline(time.Now().Add(20 * time.Second)))
		fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
		in := bufio.NewReader(c)
		answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
		check(err)
		line, _ := in.ReadString('\n')
		fmt.Printf("%s %d %s\n", host, answer.StatusCode, line)
		c.Close()
	}
}

// greet says a word to whoever connects.
func greet(port string) {
	l, err := net.Listen("tcp", ":"+port)
	check(err)
	for {
		c, err := l.Accept()
		check(err)
		fmt.Fprintln(c, "welcome")
		c.Close()
	}
}
