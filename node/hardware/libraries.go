package hardware

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// libraryDirs are where distributions put the driver's libraries, below a machine's root.
var libraryDirs = []string{"usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib",
	"usr/lib/x86_64-linux-gnu/nvidia/current", "usr/lib/aarch64-linux-gnu/nvidia/current"}

// nvidiaLibraryNames are the driver's libraries for compute and watching. Their files end in
// the driver's version; which of them there are depends on it.
var nvidiaLibraryNames = []string{"libcuda", "libcudadebugger", "libnvidia-ml", "libnvidia-cfg", "libnvidia-ptxjitcompiler", "libnvidia-nvvm",
	"libnvidia-nvvm70", "libnvidia-gpucomp", "libnvidia-compiler", "libnvidia-opencl", "libnvidia-allocator", "libnvidia-fatbinaryloader"}

// nvidiaLibraries finds the libraries of exactly this version of the driver. Each is
// mounted under every name that it has on the host, because nothing inside makes links.
func (s Sources) nvidiaLibraries(version string) ([]Mount, error) {
	if _, ok := driverVersion(version); !ok {
		return nil, errors.New("the version of the NVIDIA driver is not known: load the driver")
	}
	for _, dir := range libraryDirs {
		dir = filepath.Join(s.Root, dir)
		if !regular(filepath.Join(dir, "libcuda.so."+version)) {
			continue
		}
		files := map[string]bool{} // that are wanted
		for _, lib := range nvidiaLibraryNames {
			if file := filepath.Join(dir, lib+".so."+version); regular(file) {
				files[file] = true
			}
		}
		var mounts []Mount
		for _, name := range names(dir) {
			lib, _, ok := strings.Cut(name, ".so")
			if !ok || !strings.HasPrefix(lib, "lib") {
				continue
			}
			file := filepath.Join(dir, name)
			if !files[file] {
				to, err := os.Readlink(file)
				for range 3 { // libcuda.so is a link to libcuda.so.1, which is one to the file
					if err != nil || to != filepath.Base(to) || files[filepath.Join(dir, to)] {
						break
					}
					to, err = os.Readlink(filepath.Join(dir, to))
				}
				if file = filepath.Join(dir, to); err != nil || to != filepath.Base(to) || !files[file] {
					continue
				}
			}
			mounts = append(mounts, Mount{file, nvidiaDir + "/lib64/" + name})
		}
		return mounts, nil
	}
	return nil, fmt.Errorf("libcuda.so.%s is in none of %s: the driver's libraries are missing or of another version than its kernel module; reinstall the driver",
		version, strings.Join(libraryDirs, ", "))
}

// regular reports whether path is a plain file and no link.
func regular(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Mode().IsRegular()
}
