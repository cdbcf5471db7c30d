package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"strconv"
)

// serve answers HTTP on a port: POST /sum with the hash of what came, GET /bytes?n=N with N
// bytes that depend on N alone, GET /endless with bytes until somebody has enough, and GET
// /exit with the program's end.
func serve(port string) {
	http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "%d %x", n, h.Sum(nil))
	})
	http.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.FormValue("n"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", r.FormValue("n"))
		_, _ = io.CopyN(w, rand.New(rand.NewSource(n)), n)
	})
	http.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for block := bytes.Repeat([]byte("on and on\n"), 1000); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	http.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	fmt.Println("listening")
	check(http.ListenAndServe("127.0.0.1:"+port, nil))
}
