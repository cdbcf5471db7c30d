//go:build linux

package cgroup

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxDevices bounds the program that filterDevices makes.
const maxDevices = 1024

// limitDevices writes v1's list (the kernel's admin guide, cgroup-v1/devices).
func limitDevices(dir string, list []Device) error {
	if err := write(dir, "devices.deny", "a"); err != nil {
		return err
	}
	for _, d := range list {
		if err := write(dir, "devices.allow", fmt.Sprintf("c %d:%d rw", d.Major, d.Minor)); err != nil {
			return err
		}
	}
	return nil
}

// filterDevices gives a group of v2 a program that the kernel asks about each device
// (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE). The kernel drops it with the group. A second call
// adds to what is refused, never to what is allowed.
func filterDevices(dir string, list []Device) error {
	if len(list) > maxDevices {
		return fmt.Errorf("%d devices, at most %d", len(list), maxDevices)
	}
	program, license := deviceProgram(list), []byte("GPL\x00")
	load := struct {
		kind, count      uint32
		program, license uint64
		log              [3]uint64 // none: level, size, buffer, kernel's version, flags
	}{kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(program)),
		program: uint64(uintptr(unsafe.Pointer(&program[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0])))}
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&load), unsafe.Sizeof(load))
	runtime.KeepAlive(program)
	runtime.KeepAlive(license)
	if err != nil {
		return os.NewSyscallError("bpf", err)
	}
	defer unix.Close(fd)
	group, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(group)
	attach := struct{ group, program, kind, flags uint32 }{uint32(group), uint32(fd), unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI}
	_, err = bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attach), unsafe.Sizeof(attach))
	return os.NewSyscallError("bpf", err)
}

func bpf(command uintptr, attr unsafe.Pointer, size uintptr) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// The parts of a BPF program that are needed here (the kernel's instruction set document).
const (
	loadWord = unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W
	move     = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K
	copied   = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_X
	and      = unix.BPF_ALU64 | unix.BPF_AND | unix.BPF_K
	unlike   = unix.BPF_JMP | unix.BPF_JNE | unix.BPF_K
	leave    = unix.BPF_JMP | unix.BPF_EXIT
)

// deviceProgram answers 1 for opening a character device of the list, and else 0. It gets a
// bpf_cgroup_dev_ctx in register 1: access in the upper and type in the lower half of a word, then
// the numbers.
func deviceProgram(list []Device) []uint64 {
	const mknod = unix.BPF_DEVCG_ACC_MKNOD << 16
	end := int16(4 * len(list))
	p := []uint64{
		instruction(loadWord, 3, 1, 4, 0), // major
		instruction(loadWord, 4, 1, 8, 0), // minor
		instruction(loadWord, 2, 1, 0, 0),
		instruction(copied, 5, 2, 0, 0),
		instruction(and, 5, 0, 0, 0xffff),
		instruction(unlike, 5, 0, end+2, unix.BPF_DEVCG_DEV_CHAR),
		instruction(and, 2, 0, 0, mknod),
		instruction(unlike, 2, 0, end, 0),
	}
	for _, d := range list {
		p = append(p, instruction(unlike, 3, 0, 3, int32(d.Major)), instruction(unlike, 4, 0, 2, int32(d.Minor)),
			instruction(move, 0, 0, 0, 1), instruction(leave, 0, 0, 0, 0))
	}
	return append(p, instruction(move, 0, 0, 0, 0), instruction(leave, 0, 0, 0, 0))
}

// instruction is struct bpf_insn: code, registers, offset, immediate value.
func instruction(code, to, from uint8, offset int16, value int32) uint64 {
	registers := to | from<<4
	return binary.NativeEndian.Uint64(binary.NativeEndian.AppendUint32(
		binary.NativeEndian.AppendUint16([]byte{code, registers}, uint16(offset)), uint32(value)))
}
