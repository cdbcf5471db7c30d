//go:build unix

package testnet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stat is a line of /proc/PID/stat: parent, state and start time. ok is false where
// there is no such process, or no /proc.
func stat(pid string) (parent, state, started string, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return "", "", "", false
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 20 {
		return "", "", "", false
	}
	return fields[1], fields[0], fields[19], true
}

// offspring are the processes below one, as "PID STARTED", which is never reused.
func offspring(pid int) (list []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // none where there is no /proc
	parents := []string{fmt.Sprint(pid)}
	for grown := true; grown; {
		grown = false
		for _, d := range dirs {
			child := filepath.Base(d)
			parent, _, started, ok := stat(child)
			if ok && slices.Contains(parents, parent) && !slices.Contains(parents, child) {
				parents, list, grown = append(parents, child), append(list, child+" "+started), true
			}
		}
	}
	return list
}

// anyAlive reports whether one of them still is; one that nobody has waited for yet
// is not.
func anyAlive(list []string) bool {
	for _, p := range list {
		pid, started, _ := strings.Cut(p, " ")
		if _, state, now, ok := stat(pid); ok && now == started && state != "Z" && state != "X" {
			return true
		}
	}
	return false
}

// tidyDir wants nothing in a data directory but what belongs there when no node has
// it (SPEC §8.1).
func tidyDir(dir string) error {
	for sub, allowed := range map[string][]string{
		"": {"lock", "key.json", "journal.db", "peers.json", "artifacts", "jobs", "runs", "sandbox", "containers", "images", "builtin",
			"simulated-cards.json", "simulated-cards.json.lock", "governor", "gateway"},
		"gateway":                {"gateway.db", "files", "keys"},
		"jobs":                   nil,
		"sandbox/empty":          nil,
		"artifacts/partial":      nil,
		"artifacts/tmp":          {"probe"},
		"images/tmp":             nil,
		"containers/gvisor":      {"jobs", "probe"},
		"containers/gvisor/jobs": nil,
		"containers/models":      {"root", "trial"},
	} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		for _, e := range entries {
			if !slices.Contains(allowed, e.Name()) {
				return fmt.Errorf("%s", filepath.Join(sub, e.Name()))
			}
		}
	}
	return nil
}
