package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bill writes the list of every module in the program for linux/amd64, as the program itself
// has it, in CycloneDX 1.6. The sandbox programs packed inside are of the same go.mod.
func (r *Release) bill() (err error) {
	info, err := buildinfo.ReadFile(r.binary("linux", "amd64"))
	if err != nil {
		return fmt.Errorf("read the modules of the program: %w", err)
	}
	list := make([]cdx.Component, 0, len(info.Deps)+1)
	list = append(list, cdx.Component{Type: cdx.ComponentTypeFramework, Name: "go", Version: info.GoVersion})
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		// No hash: go.sum's is over a tree of files, which CycloneDX has no name for.
		list = append(list, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: d.Path, Version: d.Version,
			PackageURL: "pkg:golang/" + d.Path + "@" + d.Version})
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: r.Time.Format("2006-01-02T15:04:05Z"),
		Component: &cdx.Component{Type: cdx.ComponentTypeApplication, Name: "rerig", Version: r.number()}}
	bom.Components = &list
	f, err := os.Create(r.out("rerig-%s.cdx.json", r.number()))
	if err != nil {
		return fmt.Errorf("write the list of modules: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := cdx.NewBOMEncoder(f, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("write the list of modules: %w", err)
	}
	return nil
}
