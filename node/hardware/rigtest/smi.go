package rigtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// smi writes what nvidia-smi answers and returns a script that answers it.
func (w *writer) smi(m *Machine) string {
	var all, lost strings.Builder
	count := 0
	dir := filepath.Join(w.root, "usr/share/nvidia-smi")
	w.forget(filepath.Join(dir, "query"), m.Cards)
	w.file("usr/share/nvidia-smi/old-fields", " "+strings.Join(m.OldFields, " ")+" \n", 0o644)
	for i := range m.Cards {
		c := &m.Cards[i]
		if c.Driver != "nvidia" {
			continue
		}
		w.row(c)
		if c.Lost {
			text := fmt.Sprintf("Unable to determine the device handle for GPU%d: %s: Unknown Error\n", i, c.Address)
			lost.WriteString(text)
			w.file("usr/share/nvidia-smi/"+c.Address, text, 0o644)
			continue
		}
		count++
		gpu := c.xml(m.NVIDIADriver)
		all.WriteString(gpu)
		w.file("usr/share/nvidia-smi/"+c.Address, document(m.NVIDIADriver, 1, gpu), 0o644)
	}
	code := 0
	if lost.Len() > 0 {
		code = 255
	}
	w.file("usr/share/nvidia-smi/all", lost.String()+document(m.NVIDIADriver, count, all.String()), 0o644)
	return fmt.Sprintf(script, dir, code)
}

// script is the tool. Its answers to --query-gpu are made of files, a value each, so that it
// tells what the files say now.
const script = `dir='%[1]s'
mode=
[ -f "$dir/mode" ] && read -r mode <"$dir/mode"
misbehave() {
	case "$mode" in
	hang) exec sleep 3600;;
	garbage) i=0; while [ $i -lt 2000 ]; do printf '\033[2J<\377garbage>\n'; i=$((i+1)); done; sleep 1;;
	flood) while :; do echo "$1"; done;;
	exit*) echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."; exit ${mode#exit};;
	esac
}
misbehave
case "$*" in
"-q -x") cat "$dir/all"; exit %[2]d;;
"-q -x -i "*) cat "$dir/$4"; case "$(cat "$dir/$4")" in Unable*) exit 255;; esac; exit 0;;
"-i "*" -pl "*)
	if [ "$4" -lt 100 ]; then echo "Provided power limit $4.00 W is not a valid power limit which should be between 100.00 W and 240.00 W for GPU 0000$2"; exit 3; fi
	echo "$2 $4" >>"$dir/limits"
	echo "Power limit for GPU 0000$2 was set to $4.00 W from 170.00 W."; exit 0;;
--query-gpu=*) ;;
*) echo "Invalid combination of input arguments." ; exit 2;;
esac
fields=${1#--query-gpu=} every= only=
shift
while [ $# -gt 0 ]; do
	case "$1" in -lms) every=$2; shift;; -i) only=$2; shift;; esac
	shift
done
read -r old <"$dir/old-fields"
IFS=,
for f in $fields; do
	case " $old " in *" $f "*) echo "Field \"$f\" is not a valid field to query."; echo; exit 2;; esac
done
while :; do
	[ -f "$dir/mode" ] && read -r mode <"$dir/mode"
	misbehave "0000$only"
	for card in "$dir"/query/*; do
		id=${card##*/}
		case ",$only," in ,,|*",$id,"*) ;; *) continue;; esac
		if [ -f "$card/lost" ]; then
			echo "Unable to determine the device handle for GPU $id: GPU is lost.  Reboot the system to recover this GPU"
			exit 15
		fi
		row=
		for f in $fields; do
			v="[N/A]"
			[ -f "$card/$f" ] && read -r v <"$card/$f"
			row="$row, $v"
		done
		echo "${row#, }"
	done
	[ -n "$every" ] || exit 0
	sleep "$((every / 1000)).$(printf %%03d $((every %% 1000)))"
done
`

// forget takes the rows of cards away that were taken out, or answer again.
func (w *writer) forget(dir string, cards []Card) {
	entries, err := os.ReadDir(dir)
	if err != nil { // the first time
		return
	}
	for _, e := range entries {
		i := slices.IndexFunc(cards, func(c Card) bool { return c.Address == e.Name() })
		if w.err == nil && i < 0 {
			w.err = os.RemoveAll(filepath.Join(dir, e.Name()))
		} else if w.err == nil && !cards[i].Lost {
			w.err = os.RemoveAll(filepath.Join(dir, e.Name(), "lost"))
		}
	}
}

// row writes a card's values of --query-gpu.
func (w *writer) row(c *Card) {
	put := func(field, value string) {
		w.file("usr/share/nvidia-smi/query/"+c.Address+"/"+field, value+"\n", 0o644)
	}
	if c.Lost {
		put("lost", "")
		return
	}
	put("pci.bus_id", "0000"+strings.ToUpper(c.Address))
	put("utilization.gpu", fmt.Sprint(c.LoadPct))
	put("power.draw", fmt.Sprintf("%d.42", c.PowerW))
	put("power.limit", fmt.Sprintf("%d.00", c.LimitW))
	put("temperature.gpu", fmt.Sprint(c.TempC))
	if c.MemoryC != 0 {
		put("temperature.memory", fmt.Sprint(c.MemoryC))
	}
	put("fan.speed", fmt.Sprint(c.FanPct))
	put("memory.used", fmt.Sprint(c.UsedMiB))
	put("memory.total", fmt.Sprint(c.VRAMMiB))
	put("pcie.link.width.current", fmt.Sprint(c.Width))
	put("pcie.link.gen.current", fmt.Sprint(c.Gen))
	if c.ECCUncorrected != "" {
		put("ecc.errors.uncorrected.volatile.total", c.ECCUncorrected)
	}
}

func document(driver string, count int, gpus string) string {
	return fmt.Sprintf(`<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
	<timestamp>Sun Nov 22 09:00:00 2026</timestamp>
	<driver_version>%s</driver_version>
	<cuda_version>12.4</cuda_version>
	<attached_gpus>%d</attached_gpus>
%s</nvidia_smi_log>
`, driver, count, gpus)
}

func orNA(s string) string {
	if s == "" {
		return "N/A"
	}
	return s
}

// xml is a card's part of `nvidia-smi -q -x`, in the form of the driver's branch: power
// readings were renamed in 535, the counts of memory errors before.
func (c *Card) xml(driver string) string {
	power, draw := "gpu_power_readings", "current_power_limit"
	ecc := "<sram_correctable>N/A</sram_correctable><sram_uncorrectable>0</sram_uncorrectable><dram_correctable>0</dram_correctable><dram_uncorrectable>" +
		orNA(c.ECCUncorrected) + "</dram_uncorrectable>"
	if driver < "535" {
		power, draw = "power_readings", "power_limit"
		ecc = "<single_bit><total>0</total></single_bit><double_bit><device_memory>N/A</device_memory><total>" + orNA(c.ECCUncorrected) + "</total></double_bit>"
	}
	var processes strings.Builder
	for _, p := range c.Processes {
		fmt.Fprintf(&processes, "<process_info><gpu_instance_id>N/A</gpu_instance_id><pid>%d</pid><type>C</type>\n\t\t\t<process_name>%s</process_name>\n\t\t\t<used_memory>%d MiB</used_memory></process_info>",
			p.PID, p.Name, p.UsedMiB)
	}
	return fmt.Sprintf(`	<gpu id="0000%s">
		<product_name>%s</product_name>
		<persistence_mode>Disabled</persistence_mode>
		<uuid>%s</uuid>
		<minor_number>%d</minor_number>
		<pci><pci_bus_id>0000%s</pci_bus_id></pci>
		<fan_speed>%d %%</fan_speed>
		<fb_memory_usage><total>%d MiB</total><reserved>80 MiB</reserved><used>%d MiB</used><free>%d MiB</free></fb_memory_usage>
		<bar1_memory_usage><total>256 MiB</total><used>3 MiB</used><free>253 MiB</free></bar1_memory_usage>
		<ecc_mode><current_ecc>N/A</current_ecc><pending_ecc>N/A</pending_ecc></ecc_mode>
		<ecc_errors><volatile>%s</volatile><aggregate><double_bit><total>7</total></double_bit></aggregate></ecc_errors>
		<retired_pages><pending_blacklist>N/A</pending_blacklist><pending_retirement>%s</pending_retirement></retired_pages>
		<remapped_rows>N/A</remapped_rows>
		<temperature><gpu_temp>%d C</gpu_temp><gpu_temp_max_threshold>102 C</gpu_temp_max_threshold><memory_temp>N/A</memory_temp></temperature>
		<%[16]s><power_state>P2</power_state><power_draw>%[13]d.42 W</power_draw><%[17]s>%[14]d.00 W</%[17]s><default_power_limit>170.00 W</default_power_limit></%[16]s>
		<processes>%[15]s</processes>
	</gpu>
`, c.Address, c.Name, c.UUID, c.Node, c.Address, c.FanPct, c.VRAMMiB, c.UsedMiB, c.VRAMMiB-c.UsedMiB-80, ecc, orNA(c.RetirePending), c.TempC,
		c.PowerW, c.LimitW, processes.String(), power, draw)
}

// Hold makes a process that has a device file of the machine open.
func Hold(root string, pid int, name, node string) error {
	w := &writer{root: root}
	w.file(fmt.Sprintf("proc/%d/comm", pid), name+"\n", 0o444)
	w.link(fmt.Sprintf("proc/%d/exe", pid), "/opt/miner/"+name)
	w.link(fmt.Sprintf("proc/%d/fd/7", pid), node)
	w.file(fmt.Sprintf("proc/%d/fdinfo/7", pid), "pos:\t0\nflags:\t02100002\n", 0o444)
	return w.err
}

// End takes such a process away.
func End(root string, pid int) error {
	return os.RemoveAll(filepath.Join(root, "proc", fmt.Sprint(pid)))
}
