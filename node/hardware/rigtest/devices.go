package rigtest

import (
	"os"
	"strconv"
)

// Files lays what a driver needs beside its kernel module: the cards' device files, all of
// them with the numbers of /dev/null, and for NVIDIA's the libraries. Making device files
// needs root; the error is os.ErrPermission without it.
func (m *Machine) Files(root string) error {
	w := &writer{root: root}
	for i := range m.Cards {
		switch c := &m.Cards[i]; c.Driver {
		case "nvidia":
			w.device("dev/nvidiactl")
			w.device("dev/nvidia-uvm")
			w.device("dev/nvidia-uvm-tools")
			w.device("dev/nvidia" + strconv.Itoa(c.Node))
		case "amdgpu":
			w.device("dev/kfd")
			w.device("dev/dri/renderD" + strconv.Itoa(128+c.Node))
		case "i915", "xe":
			w.device("dev/dri/renderD" + strconv.Itoa(128+c.Node))
		}
	}
	if m.NVIDIADriver != "" {
		w.libraries(m.NVIDIADriver)
	}
	return w.err
}

func (w *writer) device(name string) {
	if w.err == nil {
		w.err = nullDevice(w.root, name)
	}
	if os.IsExist(w.err) {
		w.err = nil
	}
}

// libraries lays a driver's, as an installer does: the file and its links. Some links are
// what no installer makes.
func (w *writer) libraries(version string) {
	const dir = "usr/lib/x86_64-linux-gnu/"
	for _, lib := range []string{"libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler", "libnvidia-gpucomp", "libGLX_nvidia"} {
		w.file(dir+lib+".so."+version, "\x7fELF", 0o644)
		w.link(dir+lib+".so.1", lib+".so."+version)
	}
	w.link(dir+"libcuda.so", "libcuda.so.1")
	w.link(dir+"libnvidia-evil.so.1", "../../../etc/shadow")
	w.link(dir+"libcuda.so.2", "libcuda.so.2")
	w.link(dir+"libnvidia-ml.so.111.11", "libnvidia-ml.so.111.11.11")
}
