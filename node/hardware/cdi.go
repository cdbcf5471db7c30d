package hardware

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tags.cncf.io/container-device-interface/pkg/parser"
	cdi "tags.cncf.io/container-device-interface/specs-go"
)

// cdiVersion is the oldest version of the Container Device Interface that has all that
// the specs use; an older engine reads it too.
const cdiVersion = "0.5.0"

// cdiVendors names the kinds of our specs, apart from those of the makers' own tools.
var cdiVendors = map[string]string{VendorNVIDIA: "rerig-nvidia", VendorAMD: "rerig-amd", VendorIntel: "rerig-intel"}

// cdiClass is the class of every device in them.
const cdiClass = "card"

// CDIName is a card's name for engines that inject devices by CDI, such as
// "rerig-nvidia/card=0000:01:00.0".
func CDIName(c *Card) string {
	return parser.QualifiedName(cdiVendors[c.Vendor], cdiClass, c.Address)
}

// CDI makes the CDI specs of cards, one for each vendor: what is common to them is added
// once, however many a job has. Cards without a driver are left out.
func (s Sources) CDI(cards []Card) ([]cdi.Spec, error) {
	var specs []cdi.Spec
	for _, vendor := range []string{VendorNVIDIA, VendorAMD, VendorIntel} {
		spec := cdi.Spec{Version: cdiVersion, Kind: cdiVendors[vendor] + "/" + cdiClass}
		for i := range cards {
			c := &cards[i]
			if c.Vendor != vendor || len(c.Nodes) == 0 {
				continue
			}
			if len(spec.Devices) == 0 {
				e, err := s.common(c)
				if err != nil {
					return nil, err
				}
				spec.ContainerEdits = containerEdits(e)
			}
			nodes, err := s.own(c)
			if err != nil {
				return nil, err
			}
			spec.Devices = append(spec.Devices, cdi.Device{Name: c.Address, ContainerEdits: containerEdits(Edits{Nodes: nodes})})
		}
		if len(spec.Devices) > 0 {
			specs = append(specs, spec)
		}
	}
	return specs, nil
}

func containerEdits(e Edits) cdi.ContainerEdits {
	out := cdi.ContainerEdits{Env: e.Env}
	for _, n := range e.Nodes {
		out.DeviceNodes = append(out.DeviceNodes, &cdi.DeviceNode{Path: n.Inside, HostPath: n.Host, Type: "c",
			Major: int64(n.Major), Minor: int64(n.Minor), Permissions: "rw"})
	}
	for _, m := range e.Mounts {
		out.Mounts = append(out.Mounts, &cdi.Mount{HostPath: m.Host, ContainerPath: m.Inside, Options: []string{"ro", "nosuid", "nodev", "bind"}})
	}
	return out
}

// WriteCDI puts the specs into a directory that an engine reads, such as /etc/cdi, each
// whole or not at all, and takes those of vendors away that have no card any more.
func WriteCDI(dir string, specs []cdi.Spec) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("directory of CDI specs: %w", err)
	}
	var errs []error
	for _, vendor := range cdiVendors {
		path := filepath.Join(dir, vendor+"-"+cdiClass+".json")
		i := slices.IndexFunc(specs, func(s cdi.Spec) bool { return s.Kind == vendor+"/"+cdiClass })
		if i < 0 {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("remove old CDI spec: %w", err))
			}
			continue
		}
		b, err := json.MarshalIndent(&specs[i], "", "  ")
		if err == nil {
			err = writeDurably(path, append(b, '\n'), 0o644)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write CDI spec %s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}
