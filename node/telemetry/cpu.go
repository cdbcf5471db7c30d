package telemetry

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cpu reads the machine's processors: load from procfs, temperature from hwmon, power from
// the count of energy that Intel's and AMD's keep (RAPL, the kernel's
// Documentation/power/powercap), which only root may read.
type cpu struct {
	busy, all uint64
	packages  map[string]*meter
}

// sensors are the hwmon drivers of processors, and labels what they call the whole package.
var (
	sensors = []string{"coretemp", "k10temp", "zenpower", "cpu_thermal", "via_cputemp"}
	labels  = []string{"Tctl", "Tdie", "Package id 0", "Package id 1", "Package id 2", "Package id 3"}
)

func (c *cpu) read(sys, proc string, now time.Time) (r Reading) {
	r.Load = c.load(text(proc, "stat"))
	for _, name := range entries(sys, "class/hwmon") {
		dir := sys + "/class/hwmon/" + name
		if !slices.Contains(sensors, text(dir, "name")) {
			continue
		}
		for i := 1; i <= 8; i++ {
			n := strconv.Itoa(i)
			label := text(dir, "temp"+n+"_label")
			if i > 1 && !slices.Contains(labels, label) {
				continue
			}
			if t := thousandths(text(dir, "temp"+n+"_input")); t != nil && (r.TempC == nil || *t > *r.TempC) {
				r.TempC = t
			}
		}
	}
	r.PowerMW = c.power(sys, now)
	return r
}

// load is percent of the time since the last reading in which the processors worked.
func (c *cpu) load(stat string) *int {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[0] != "cpu" {
		return nil
	}
	var all, idle uint64
	for i, f := range fields[1:min(len(fields), 9)] { // the rest is part of the first two
		n, err := strconv.ParseUint(f, 10, 63)
		if err != nil {
			return nil
		}
		all += n
		if i == 3 || i == 4 { // idle, iowait
			idle += n
		}
	}
	busy := all - idle
	was := *c
	c.busy, c.all = busy, all
	if was.all == 0 || all <= was.all || busy < was.busy {
		return nil
	}
	percent := int(min(100, (busy-was.busy)*100/(all-was.all)))
	return &percent
}

func (c *cpu) power(sys string, now time.Time) *int64 {
	var sum *int64
	for _, name := range entries(sys, "class/powercap") {
		if number, ok := strings.CutPrefix(name, "intel-rapl:"); !ok || strings.Contains(number, ":") {
			continue // a part of a package is counted with it
		}
		dir := sys + "/class/powercap/" + name
		uj, err := strconv.ParseUint(text(dir, "energy_uj"), 10, 64)
		if err != nil || !strings.HasPrefix(text(dir, "name"), "package") {
			continue
		}
		wraps, _ := strconv.ParseUint(text(dir, "max_energy_range_uj"), 10, 64) // 0 where it is not told
		if c.packages == nil {
			c.packages = map[string]*meter{}
		}
		if c.packages[name] == nil {
			c.packages[name] = &meter{}
		}
		if mw := c.packages[name].power(uj, wraps, now.UnixMilli()); mw != nil {
			total := *mw
			if sum != nil {
				total += *sum
			}
			sum = &total
		}
	}
	return sum
}
