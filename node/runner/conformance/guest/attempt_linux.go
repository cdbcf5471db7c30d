package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// patience is how long one attempt may take.
const patience = 20 * time.Second

// tryAll runs each attempt in a process of its own: many spoil theirs.
func tryAll(a *aims, text string) error {
	for _, name := range a.Tries {
		fmt.Println("---", name)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "one", text, name)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
		cmd.WaitDelay = time.Second // what it began may hold its output open
		err := cmd.Run()
		cancel()
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil
		}
		said("ended", err)
	}
	fmt.Println("tried")
	return nil
}
