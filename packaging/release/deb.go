package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// debs writes the Debian packages.
func (r *Release) debs() error {
	for _, arch := range []string{"amd64", "arm64"} {
		if err := r.deb(arch); err != nil {
			return fmt.Errorf("write the .deb for %s: %w", arch, err)
		}
	}
	return nil
}

// deb writes a package with the program, its manual, its completions, and the unit of a
// service that nobody has started yet: an account that is paid has to be named first.
func (r *Release) deb(arch string) (err error) {
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "rerig", Arch: arch, Platform: "linux", Version: r.number(), Section: "net", Priority: "optional",
		Maintainer:  "The Rerig authors <rerig@users.noreply.github.com>",
		Description: "peer-to-peer network that puts idle mining rigs to work\n One program for rigs, which sell computing, and for those who buy it.",
		Homepage:    "https://github.com/rerig/rerig", License: "Apache-2.0", MTime: r.Time,
		Overridables: nfpm.Overridables{
			Contents: r.debFiles(arch), Umask: 0o022, Recommends: []string{"uidmap"},
			Deb: nfpm.Deb{Compression: "gzip"}, // older Ubuntus below HiveOS read no zstd
			Scripts: nfpm.Scripts{
				PostInstall: r.source("packaging", "deb", "postinst"),
				PreRemove:   r.source("packaging", "deb", "prerm"),
				PostRemove:  r.source("packaging", "deb", "postrm"),
			},
		},
	})
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	f, err := os.Create(r.out("%s", deb.Default.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return deb.Default.Package(info, f)
}

func (r *Release) source(elem ...string) string {
	return filepath.Join(append([]string{r.Source}, elem...)...)
}

// debFiles are the package's files.
func (r *Release) debFiles(arch string) files.Contents {
	list := files.Contents{
		r.file(r.binary("linux", arch), "/usr/bin/rerig", 0o755),
		r.file(r.source("packaging", "systemd", "rerig.service"), "/usr/lib/systemd/system/rerig.service", 0o644),
		r.file(r.source("packaging", "systemd", "sysusers.conf"), "/usr/lib/sysusers.d/rerig.conf", 0o644),
		r.file(r.source("LICENSE"), "/usr/share/doc/rerig/copyright", 0o644),
		r.file(r.source("README.md"), "/usr/share/doc/rerig/README.md", 0o644),
		r.file(r.source("packaging", "prometheus", "rules.yml"), "/usr/share/doc/rerig/prometheus/rules.yml", 0o644),
		r.file(r.source("packaging", "grafana", "rerig.json"), "/usr/share/doc/rerig/grafana/rerig.json", 0o644),
	}
	for _, m := range r.manual("/usr/share/man/man1") {
		list = append(list, r.file(m.from, m.name, m.mode))
	}
	for shell, to := range map[string]string{"bash": "/usr/share/bash-completion/completions/rerig", "zsh": "/usr/share/zsh/vendor-completions/_rerig",
		"fish": "/usr/share/fish/vendor_completions.d/rerig.fish"} {
		list = append(list, r.file(filepath.Join(r.Built, "completions", "rerig."+shell), to, 0o644)) // sorted by nfpm
	}
	config := r.file(r.source("packaging", "deb", "config.toml"), "/etc/rerig/config.toml", 0o644)
	config.Type = files.TypeConfigNoReplace
	return append(list, config)
}

func (r *Release) file(from, to string, mode os.FileMode) *files.Content {
	return &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{Mode: mode, MTime: r.Time, Owner: "root", Group: "root"}}
}
