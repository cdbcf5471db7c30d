package main

import "fmt"

// quota bounds what a job writes to its output directory. Deleting a file
// gives nothing back, because an open file keeps its space after deletion;
// truncating one does. The guest is one thread, so it needs no lock.
type quota struct {
	bytes, used uint64
	files, made int
}

// addFile counts a new file or directory, and ends the job past the limit.
func (q *quota) addFile() {
	if q.made++; q.made > q.files {
		fail(failOutput, fmt.Sprintf("output has more than %d files", q.files))
	}
}

// resize counts a file's change of length, and ends the job past the limit.
func (q *quota) resize(from, to uint64) {
	if q.used = q.used + to - min(from, q.used+to); q.used > q.bytes {
		fail(failOutput, fmt.Sprintf("output is over %d bytes", q.bytes))
	}
}
