// Command hello is the ordinary Go program that the benchmark dispatches: built
// for wasip1 it is 1.85 MB, nearly all of it Go's runtime, as the peer's was.
package main

func main() { println("hello, world") }
