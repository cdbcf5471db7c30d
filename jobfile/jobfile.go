// Package jobfile reads job.yaml, in which a job that is run again and again is written
// down. schema.json is what it must look like; an error names the line and the field.
package jobfile

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// Schema is the JSON Schema (draft 2020-12) that files are held to.
//
//go:embed schema.json
var Schema []byte

// MaxBytes is the longest file that is read.
const MaxBytes = 1 << 20

// File is a job as it is written down. Zero fields were left out.
type File struct {
	Module string `yaml:"module"`
	Image  string `yaml:"image"`
	Model  string `yaml:"model"`

	Name   string     `yaml:"name"`
	Args   []Text     `yaml:"args"`
	Env    Pairs      `yaml:"env"`
	Inputs []Input    `yaml:"inputs"`
	OutDir string     `yaml:"out_dir"`
	Matrix []Axis     `yaml:"-"`
	Axes   matrixNode `yaml:"matrix"`

	Budget   Text   `yaml:"budget"`    // the network's token
	MaxPrice string `yaml:"max_price"` // of a CPU hour
	Timeout  string `yaml:"timeout"`   // as time.ParseDuration reads it
	// Checkpoint is how often one is looked for, as time.ParseDuration reads it.
	Checkpoint string `yaml:"checkpoint"`

	MemoryMiB uint32 `yaml:"memory"`
	DiskMiB   uint32 `yaml:"disk"`
	CPUs      uint16 `yaml:"cpus"`
	GPUs      uint8  `yaml:"gpus"`
	VRAM      string `yaml:"vram"` // of each card, such as 6GiB
	HeldBy    string `yaml:"held_by"`
	Region    string `yaml:"region"`
	Rig       string `yaml:"rig"`
	Seed      Text   `yaml:"seed"`
	Public    bool   `yaml:"public"`
	Private   bool   `yaml:"private"`
	Retries   *int   `yaml:"retries"`
	Array     int    `yaml:"array"`
	Parallel  int    `yaml:"parallel"`
}

// Text is a scalar as it is written: 0.10 stays 0.10, and yes is not true.
type Text string

// UnmarshalYAML takes the scalar's own text.
func (t *Text) UnmarshalYAML(n *yaml.Node) error {
	*t = Text(n.Value)
	return nil
}

// Pairs are KEY=value, in the file's order.
type Pairs []string

// UnmarshalYAML reads a mapping.
func (p *Pairs) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		*p = append(*p, n.Content[i].Value+"="+n.Content[i+1].Value)
	}
	return nil
}

// Input is a file for /in.
type Input struct {
	Path string `yaml:"path"`
	Name string `yaml:"name"` // "" is the path's last element
}

// UnmarshalYAML reads a path, or a path and a name.
func (in *Input) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		in.Path = n.Value
		return nil
	}
	type plain Input
	return n.Decode((*plain)(in))
}

// matrixNode keeps the axes in the file's order, which maps do not.
type matrixNode []Axis

// UnmarshalYAML reads a mapping of lists.
func (m *matrixNode) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		a := Axis{Key: n.Content[i].Value}
		for _, v := range n.Content[i+1].Content {
			a.Values = append(a.Values, v.Value)
		}
		*m = append(*m, a)
	}
	return nil
}

// Read reads and checks a file.
func Read(path string) (*File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	if st.Size() > MaxBytes {
		return nil, fmt.Errorf("job file %s: at most %d bytes, it has %d", path, MaxBytes, st.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	f, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return f, nil
}

// Parse reads a file's bytes. Errors begin with the line and name the field.
func Parse(b []byte) (*File, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("1: at most %d bytes, it has %d", MaxBytes, len(b))
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&doc); err != nil {
		return nil, syntaxError(err)
	}
	if err := d.Decode(new(yaml.Node)); err == nil {
		return nil, fmt.Errorf("1: one document, there are more")
	}
	root := doc.Content[0]
	if err := validate(root); err != nil {
		return nil, err
	}
	f := new(File)
	if err := root.Decode(f); err != nil {
		return nil, syntaxError(err)
	}
	f.Matrix, f.Axes = f.Axes, nil
	return f, nil
}
