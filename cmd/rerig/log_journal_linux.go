package main

import (
	"fmt"
	"os"
	"syscall"
)

// isJournal reports whether a file is the stream to the journal that systemd names in
// JOURNAL_STREAM, as "device:inode": programs below a service inherit the variable also where
// their standard error goes elsewhere (systemd.exec(5)).
func isJournal(f *os.File, stream string) bool {
	if stream == "" {
		return false
	}
	st, err := f.Stat()
	if err != nil {
		return false
	}
	s, ok := st.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}
