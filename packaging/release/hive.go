package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// hive writes the HiveOS custom miner: a tarball rerig-VERSION.tar.gz with one directory of
// the miner's name. Hive takes what stands behind the last "-" for the version, so that there
// must be none in it (hive/miners/custom/README.md of minershive/hiveos-linux).
func (r *Release) hive() error {
	members := []member{{"rerig/rerig", r.binary("linux", "amd64"), 0o755}}
	for _, name := range []string{"h-manifest.conf", "h-config.sh", "h-run.sh", "h-stats.sh"} {
		mode := member{}.mode | 0o755
		if filepath.Ext(name) == ".conf" {
			mode = 0o644
		}
		members = append(members, member{"rerig/" + name, r.source("packaging", "hive", name), mode})
	}
	name := fmt.Sprintf("rerig-%s.tar.gz", strings.ReplaceAll(r.number(), "-", "_"))
	return writeTarball(r.out("%s", name), r.Time, append(members, r.papers("rerig")...))
}
