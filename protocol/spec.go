package protocol

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// Kind tells a job that ends by itself from a lease.
type Kind string

// Job kinds (SPEC §5.1).
const (
	// KindTask ends by itself.
	KindTask Kind = "task"
	// KindService listens on a port inside until its requester stops it (SPEC §5.6, §5.7).
	KindService Kind = "service"
)

// Engines (SPEC §5.1).
const (
	// EngineWASM is the embedded default: a WASI preview 1 module.
	EngineWASM = "wasm"
	// EngineContainer is an OCI image.
	EngineContainer = "container"
	// EngineModel is a language model in a GGUF file, run by the rig's own program.
	EngineModel = "model"
)

// ModelFile is where a job of EngineModel finds its model, beside its inputs.
const ModelFile = "model.gguf"

// EngineFamily is an engine's name without how it is held: "container" of
// "container:gvisor".
func EngineFamily(engine string) string {
	family, _, _ := strings.Cut(engine, ":")
	return family
}

// moduleLimits are the largest module and memory of an engine's jobs, in bytes.
func moduleLimits(engine string) (module, memory uint64) {
	switch EngineFamily(engine) {
	case EngineContainer:
		return MaxImageBytes, MaxHeldBytes
	case EngineModel:
		return MaxModelBytes, MaxHeldBytes
	}
	return MaxModuleBytes, MaxMemoryBytes
}

// Input is a file the job reads at /in/<Name>.
type Input struct {
	Name string `cbor:"1,keyasint" json:"name"`
	CID  string `cbor:"2,keyasint" json:"cid"`
	Size uint64 `cbor:"3,keyasint" json:"size"` // bytes
}

// Resources is what the job needs of a rig.
type Resources struct {
	GPUs      uint8  `cbor:"1,keyasint" json:"gpus,omitempty"`     // whole cards
	VRAMMiB   uint32 `cbor:"2,keyasint" json:"vram_mib,omitempty"` // of each card
	MemoryMiB uint32 `cbor:"3,keyasint" json:"memory_mib,omitempty"`
	DiskMiB   uint32 `cbor:"4,keyasint" json:"disk_mib,omitempty"`
	CPUs      uint16 `cbor:"5,keyasint" json:"cpus,omitempty"`
}

// Unit is what a job of an engine that runs by the clock is sold in: the time for which it
// holds cards, where it has any, else CPU time (SPEC §5.4).
func (r Resources) Unit() Unit {
	if r.GPUs > 0 {
		return UnitGPUMillis
	}
	return UnitCPUMillis
}

// clocks is how many cards or CPUs count time at once.
func (r Resources) clocks(u Unit) uint16 {
	if u == UnitGPUMillis {
		return max(uint16(r.GPUs), 1)
	}
	return max(r.CPUs, 1)
}

// Limits bound the job. The budget is in the Agreement, where money is.
type Limits struct {
	RunMillis   uint64 `cbor:"1,keyasint" json:"run_ms"`
	StdoutBytes uint64 `cbor:"2,keyasint" json:"stdout_bytes"`
	OutputBytes uint64 `cbor:"3,keyasint" json:"output_bytes"`
	OutputFiles uint32 `cbor:"4,keyasint" json:"output_files"`
	// CheckpointMillis is how often the rig looks for a new checkpoint; 0 is never.
	CheckpointMillis uint64 `cbor:"5,keyasint,omitempty" json:"checkpoint_ms,omitempty"`
}

// RunTime is the run time limit.
func (l Limits) RunTime() time.Duration { return time.Duration(l.RunMillis) * time.Millisecond }

// JobSpec says what to run; its CID names it (SPEC §5.1).
type JobSpec struct {
	Version    uint8      `cbor:"1,keyasint" json:"version"`
	Kind       Kind       `cbor:"2,keyasint" json:"kind"`
	Engine     string     `cbor:"3,keyasint" json:"engine"`
	Module     string     `cbor:"4,keyasint" json:"module"` // CID
	ModuleSize uint64     `cbor:"5,keyasint" json:"module_size"`
	Args       []string   `cbor:"6,keyasint" json:"args"`
	Env        []string   `cbor:"7,keyasint" json:"env"`
	Inputs     []Input    `cbor:"8,keyasint" json:"inputs"`
	Resources  Resources  `cbor:"9,keyasint" json:"resources"`
	Limits     Limits     `cbor:"10,keyasint" json:"limits"`
	Egress     bool       `cbor:"11,keyasint" json:"egress"`
	Public     bool       `cbor:"12,keyasint" json:"public"` // outputs may be fetched by anybody
	Seed       Hash       `cbor:"13,keyasint" json:"seed"`   // the sandbox's randomness
	Crit       Extensions `cbor:"14,keyasint" json:"crit,omitempty"`
	Opt        Extensions `cbor:"15,keyasint" json:"opt,omitempty"`
	Sealed     Sealed     `cbor:"16,keyasint,omitempty" json:"sealed,omitempty"`
	Link       *LinkPlace `cbor:"17,keyasint,omitempty" json:"link,omitempty"`  // nil is in no private link
	Hosts      []string   `cbor:"18,keyasint,omitempty" json:"hosts,omitempty"` // host:port that egress reaches
}

// Sealed says what of a job only its two sides can read (SPEC §5.5). The CIDs and sizes
// of what is sealed are of the sealed form; the key comes with the Accept.
type Sealed uint8

// What may be sealed, added up.
const (
	SealedFiles  Sealed = 1 // inputs and outputs
	SealedModule Sealed = 2
)

// Has tells whether all of what is asked for is sealed.
func (s Sealed) Has(what Sealed) bool { return s&what == what }

// EncodeSpec checks the spec and returns its bytes and CID (CIDv1, dag-cbor,
// SHA2-256).
func EncodeSpec(s *JobSpec) ([]byte, cid.Cid, error) {
	if err := s.Check(); err != nil {
		return nil, cid.Undef, err
	}
	b, err := Encode(s)
	if err != nil {
		return nil, cid.Undef, err
	}
	if err := checkLen("spec", len(b), MaxSpecBytes); err != nil {
		return nil, cid.Undef, err
	}
	c, err := SpecCID(b)
	return b, c, err
}

// SpecCID is the CID of a spec's bytes.
func SpecCID(b []byte) (cid.Cid, error) {
	mh, err := multihash.Sum(b, multihash.SHA2_256, -1)
	if err != nil {
		return cid.Undef, fmt.Errorf("hash spec: %w", err)
	}
	return cid.NewCidV1(cid.DagCBOR, mh), nil
}

// DecodeSpec reads and checks a spec from a peer or a file.
func DecodeSpec(b []byte) (*JobSpec, error) {
	if err := checkLen("spec", len(b), MaxSpecBytes); err != nil {
		return nil, err
	}
	s := new(JobSpec)
	if err := Decode(b, s); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	return s, s.Check()
}

// Check applies every limit of SPEC §9 to the spec.
func (s *JobSpec) Check() error {
	module, memory := moduleLimits(s.Engine)
	switch {
	case s.Version != Version:
		return fieldErr("spec.version", fmt.Sprint(Version), s.Version)
	case s.Kind != KindTask && s.Kind != KindService:
		return fieldErr("spec.kind", `"task" or "service"`, s.Kind)
	case s.Engine == "" || len(s.Engine) > MaxNameBytes || !utf8.ValidString(s.Engine):
		return fieldErr("spec.engine", "a name", s.Engine)
	case s.ModuleSize == 0 || s.ModuleSize > module:
		return fieldErr("spec.module_size", fmt.Sprintf("1 to %d bytes", module), s.ModuleSize)
	case s.Limits.RunMillis == 0 || s.Limits.RunTime() > MaxRunTime || s.Limits.RunMillis > uint64(MaxRunTime.Milliseconds()):
		return fieldErr("spec.limits.run_ms", "between 1 ms and "+MaxRunTime.String(), s.Limits.RunMillis)
	case s.Limits.StdoutBytes > MaxStdoutBytes:
		return fieldErr("spec.limits.stdout_bytes", fmt.Sprintf("at most %d", MaxStdoutBytes), s.Limits.StdoutBytes)
	case s.Limits.OutputBytes > MaxOutputBytes:
		return fieldErr("spec.limits.output_bytes", fmt.Sprintf("at most %d", MaxOutputBytes), s.Limits.OutputBytes)
	case s.Limits.OutputFiles > MaxOutputFiles:
		return fieldErr("spec.limits.output_files", fmt.Sprintf("at most %d", MaxOutputFiles), s.Limits.OutputFiles)
	case s.Limits.CheckpointMillis > 0 && s.Limits.CheckpointMillis < uint64(MinCheckpoint.Milliseconds()):
		return fieldErr("spec.limits.checkpoint_ms", "0, or at least "+MinCheckpoint.String(), s.Limits.CheckpointMillis)
	case s.Limits.CheckpointMillis > 0 && (s.Kind != KindTask || EngineFamily(s.Engine) == EngineModel):
		return fieldErr("spec.limits.checkpoint_ms", "0: only tasks of modules and containers keep checkpoints", s.Limits.CheckpointMillis)
	case s.Limits.CheckpointMillis > 0 && len(s.Inputs) >= MaxInputs && !s.hasCheckpoint():
		return fieldErr("spec.inputs", fmt.Sprintf("at most %d beside a checkpoint", MaxInputs-1), len(s.Inputs))
	case s.Limits.CheckpointMillis > uint64(MaxRunTime.Milliseconds()):
		return fieldErr("spec.limits.checkpoint_ms", "at most "+MaxRunTime.String(), s.Limits.CheckpointMillis)
	case uint64(s.Resources.MemoryMiB) > memory>>20:
		return fieldErr("spec.resources.memory_mib", fmt.Sprintf("at most %d", memory>>20), s.Resources.MemoryMiB)
	}
	if err := s.checkSealed(); err != nil {
		return err
	}
	if err := s.checkLink(); err != nil {
		return err
	}
	if err := s.checkEgress(); err != nil {
		return err
	}
	if err := CheckCID("spec.module", s.Module); err != nil {
		return err
	}
	if err := checkStrings("spec.args", s.Args, MaxArgs, MaxArgBytes); err != nil {
		return err
	}
	if err := checkStrings("spec.env", s.Env, MaxEnv, MaxArgBytes); err != nil {
		return err
	}
	if err := checkInputs(s.Inputs); err != nil {
		return err
	}
	if err := s.checkModel(); err != nil {
		return err
	}
	if err := s.checkService(); err != nil {
		return err
	}
	return checkExtensions("spec", s.Crit, s.Opt)
}

// hasCheckpoint tells whether the job goes on from one.
func (s *JobSpec) hasCheckpoint() bool {
	return slices.ContainsFunc(s.Inputs, func(in Input) bool { return in.Name == CheckpointFile })
}

func (s *JobSpec) checkSealed() error {
	switch {
	case s.Sealed > SealedFiles|SealedModule:
		return fieldErr("spec.sealed", "1 (files), 2 (module) or 3", s.Sealed)
	case s.Public && s.Sealed.Has(SealedFiles):
		return fieldErr("spec.sealed", "nothing but the module in a public job", s.Sealed)
	case EngineFamily(s.Engine) == EngineContainer && s.Sealed.Has(SealedModule):
		return fieldErr("spec.sealed", "nothing but files: an image is a directory", s.Sealed)
	}
	return nil
}

// checkModel holds a job of a model to what its engine passes on.
func (s *JobSpec) checkModel() error {
	if EngineFamily(s.Engine) != EngineModel {
		return nil
	}
	if len(s.Env) > 0 {
		return fieldErr("spec.env", "empty for a model", len(s.Env))
	}
	for i, f := range s.Inputs {
		if f.Name == ModelFile {
			return fieldErr(fmt.Sprintf("spec.inputs[%d].name", i), "another name: the model itself is there", f.Name)
		}
	}
	return nil
}

// checkService refuses services that nothing could reach, and such of a model as its one
// server for all requesters cannot tell apart.
func (s *JobSpec) checkService() error {
	if s.Kind != KindService {
		return nil
	}
	switch EngineFamily(s.Engine) {
	case EngineWASM:
		return fieldErr("spec.kind", `"task": a wasm module has no ports`, s.Kind)
	case EngineModel:
		if len(s.Args) > 0 || len(s.Inputs) > 0 || s.Sealed != 0 || s.Resources != (Resources{}) {
			return &FieldError{Field: "spec of a served model", Limit: "no arguments, inputs, resources or sealed parts"}
		}
	}
	return nil
}

func checkStrings(field string, list []string, most, each int) error {
	if err := checkLen(field, len(list), most); err != nil {
		return err
	}
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if !utf8.ValidString(v) {
			return fieldErr(at, "valid UTF-8", v)
		}
		if err := checkLen(at, len(v), each); err != nil {
			return err
		}
		if strings.ContainsRune(v, 0) {
			return &FieldError{Field: at, Limit: "no NUL byte"}
		}
	}
	return nil
}

func checkInputs(in []Input) error {
	if err := checkLen("spec.inputs", len(in), MaxInputs); err != nil {
		return err
	}
	seen := make(map[string]bool, len(in))
	for i, f := range in {
		at := fmt.Sprintf("spec.inputs[%d]", i)
		if err := CheckFileName(at+".name", f.Name); err != nil {
			return err
		}
		if seen[f.Name] {
			return fieldErr(at+".name", "unique", f.Name)
		}
		seen[f.Name] = true
		if f.Size > MaxInputBytes {
			return fieldErr(at+".size", fmt.Sprintf("at most %d bytes", uint64(MaxInputBytes)), f.Size)
		}
		if err := CheckCID(at+".cid", f.CID); err != nil {
			return err
		}
	}
	return nil
}

// CheckFileName refuses names that are not one plain path element.
func CheckFileName(field, name string) error {
	if name == "" || name == "." || name == ".." || len(name) > MaxNameBytes || !utf8.ValidString(name) ||
		strings.ContainsAny(name, "/\\\x00:") || path.Base(name) != name {
		return fieldErr(field, fmt.Sprintf("one plain file name of at most %d bytes", MaxNameBytes), name)
	}
	return nil
}

// CheckCID refuses text that is not a CIDv1 with a SHA2-256 hash.
func CheckCID(field, s string) error {
	if err := checkLen(field, len(s), MaxNameBytes); err != nil {
		return err
	}
	c, err := cid.Decode(s)
	if err != nil {
		return fieldErr(field, "a CID", s)
	}
	if p := c.Prefix(); p.Version != 1 || p.MhType != multihash.SHA2_256 || p.MhLength != 32 {
		return fieldErr(field, "a CIDv1 with SHA2-256", s)
	}
	return nil
}
