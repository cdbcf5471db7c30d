// Package calls makes a program for x86-64 pack better: it writes where calls go to as
// distances from the program's start, which are equal for equal callees, in place of distances
// from the call. This is what the branch filters of xz do (Collin, "XZ Utils", simple/x86.c).
package calls

import "encoding/binary"

// opcode begins a near call with a 32-bit distance (Intel SDM, volume 2, CALL).
const opcode = 0xe8

// length is bytes of a call.
const length = 5

// Absolute turns the distances of what looks like calls, in place. Relative turns them back,
// whether they were calls or not: opcodes stay, and distances are passed over by both.
func Absolute(program []byte) {
	for i := 0; i+length <= len(program); i++ {
		if program[i] == opcode {
			to := program[i+1 : i+length]
			binary.BigEndian.PutUint32(to, binary.LittleEndian.Uint32(to)+uint32(i+length))
			i += length - 1
		}
	}
}

// Relative undoes Absolute, in place.
func Relative(program []byte) {
	for i := 0; i+length <= len(program); i++ {
		if program[i] == opcode {
			to := program[i+1 : i+length]
			binary.LittleEndian.PutUint32(to, binary.BigEndian.Uint32(to)-uint32(i+length))
			i += length - 1
		}
	}
}
