// Command genids writes node/hardware/ids.tsv, the table of cards that a rig knows by
// their PCI IDs. Names are those of pci.ids (the PCI ID database, public data under the
// BSD licence or the GPL, Debian's package pci.ids); what it lacks is in kept.tsv:
//
//	apt-get download pci.ids && dpkg-deb -x pci.ids_*.deb DIR
//	go run ./node/hardware/genids DIR/usr/share/misc/pci.ids > node/hardware/ids.tsv
package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rerig/rerig/node/hardware"
)

//go:embed kept.tsv
var kept string

// wanted are the names of each vendor's cards that a miner may own; laptops' and
// virtual functions are none.
var (
	wanted = map[string]*regexp.Regexp{
		"10de": regexp.MustCompile(`^(GTX (9|10|16)\d\d|GTX TITAN|RTX [2345]0\d\d|TITAN (X|V|RTX)|P10[246]-\d+|CMP \d+HX|Tesla (K80|M40|M60|[PVT]\d+)|` +
			`(NVIDIA )?A(2|10|10G|16|30|40|100)\b|L(2|4|20|40|40S)$|H[12]00|Quadro (RTX|GV|P[2-6]0|P2200)|RTX A\d+|RTX \d+ (SFF )?Ada)`),
		"1002": regexp.MustCompile(`^(RX (4[678]0|5[5-9]0|Vega|[5679]\d\d\d)|Radeon (VII|Pro VII|RX|Vega Frontier)|Instinct MI|Radeon Instinct|RX \d)`),
		"8086": regexp.MustCompile(`^(Arc [AB]\d|Arc Pro|Data Center GPU (Flex|Max))`),
	}
	unwanted = regexp.MustCompile(`(?i)audio|nvswitch|fake|mobile|max-q|laptop|engineering|embedded|MxGPU|\d[MS]\b( XT)?$|Vega M |A\d+M$`)
	row      = regexp.MustCompile(`^\t([0-9a-f]{4})  .*\[([^\]]+)\]`)
	vendor   = regexp.MustCompile(`^([0-9a-f]{4})  `)
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "genids:", err)
		os.Exit(1)
	}
}

func run(files []string, w io.Writer) error {
	cards := map[string][2]string{} // "vendor\tdevice\trevision" to MiB and name
	for _, name := range files {
		if err := read(name, cards); err != nil {
			return err
		}
	}
	for line := range strings.Lines(kept) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 5 {
			return fmt.Errorf("kept.tsv: %q has %d columns, want 5", line, len(f))
		}
		key := strings.Join(f[:3], "\t")
		if f[4] == "-" {
			f[4] = cards[key][1]
		}
		if f[4] == "" {
			return fmt.Errorf("kept.tsv: %q has no name here and none in pci.ids", line)
		}
		cards[key] = [2]string{f[3], f[4]}
	}
	out := make([]string, 0, len(cards))
	for key, c := range cards {
		out = append(out, key+"\t"+c[0]+"\t"+c[1]+"\n")
	}
	slices.Sort(out)
	_, err := io.WriteString(w, "# Made by go run ./node/hardware/genids: vendor, device, revision, VRAM in MiB, model.\n"+strings.Join(out, ""))
	return err
}

// read takes the wanted cards of one pci.ids.
func read(name string, cards map[string][2]string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := ""
	s := bufio.NewScanner(f)
	for s.Scan() {
		if m := vendor.FindStringSubmatch(s.Text()); m != nil {
			in = m[1]
			continue
		}
		m := row.FindStringSubmatch(s.Text())
		if m == nil || wanted[in] == nil {
			continue
		}
		if model := hardware.ModelName(m[2]); wanted[in].MatchString(model) && !unwanted.MatchString(s.Text()) {
			cards[in+"\t"+m[1]+"\t-"] = [2]string{"-", model}
		}
	}
	return s.Err()
}
