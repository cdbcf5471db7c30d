package protocol

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Caps of an engine pack (SPEC §5.11).
const (
	MaxPackBytes    = 16 << 10 // bytes of a signed pack
	MaxPackArgs     = 64       // words of its command line
	MaxPackArg      = 1 << 10  // bytes of one
	MaxPackParallel = 64       // requests that its server computes at once
	MaxPackSeconds  = 600      // that its server may take to answer
)

// How a pack's server is spoken to.
const (
	ServerLlama = "llama-server" // llama.cpp's
	ServerVLLM  = "vllm"
)

// What a pack computes on.
const (
	NeedsVulkan = "vulkan" // a card of any vendor
	NeedsCUDA   = "cuda"   // a card of NVIDIA's
	NeedsCPU    = "cpu"
)

// Formats of weights.
const (
	FormatGGUF        = "gguf"
	FormatSafetensors = "safetensors"
)

// PackModel is the place of the weights in a pack's args; one of them must have it.
const PackModel = "{model}"

// EnginePack is a server for models that a publisher answers for: an image, and how it is run.
type EnginePack struct {
	Version   uint8      `cbor:"1,keyasint" json:"version"`
	Publisher Address    `cbor:"2,keyasint" json:"publisher"`
	Name      string     `cbor:"3,keyasint" json:"name"`
	Release   string     `cbor:"4,keyasint" json:"release"`
	Server    string     `cbor:"5,keyasint" json:"server"`
	Image     string     `cbor:"6,keyasint" json:"image"`       // CID of its layout
	ImageSize uint64     `cbor:"7,keyasint" json:"image_bytes"` // of all its files
	Args      []string   `cbor:"8,keyasint" json:"args"`        // behind the image's entrypoint
	Port      uint16     `cbor:"9,keyasint" json:"port"`
	Health    string     `cbor:"10,keyasint" json:"health"` // path that answers 200 when the model is loaded
	Formats   []string   `cbor:"11,keyasint" json:"formats"`
	Needs     []string   `cbor:"12,keyasint" json:"needs"`                // the preferred one first
	MinDriver string     `cbor:"13,keyasint" json:"min_driver,omitempty"` // of NVIDIA's; "" is any
	Seconds   uint32     `cbor:"14,keyasint" json:"start_seconds"`        // to the first 200
	AtOnce    uint8      `cbor:"15,keyasint" json:"parallel"`
	Crit      Extensions `cbor:"16,keyasint" json:"crit,omitempty"`
	Opt       Extensions `cbor:"17,keyasint" json:"opt,omitempty"`
	// Images is how its server makes images; nil where it makes none.
	Images *Images `cbor:"18,keyasint,omitempty" json:"images,omitempty"`
}

// SignedPack is a pack's exact bytes and its publisher's signature over them.
type SignedPack struct {
	Pack      []byte    `cbor:"1,keyasint"`
	Signature Signature `cbor:"2,keyasint"`
}

var (
	anyChain   = structHash(Keccak([]byte("EIP712Domain(string name,string version)")), nameHash[:], verHash[:])
	packType   = Keccak([]byte("EnginePack(address publisher,string name,string release,bytes32 body)"))
	driverText = regexp.MustCompile(`^([0-9]{1,4}(\.[0-9]{1,4}){0,3})?$`)
)

// digest is what the publisher signs. It is the same for every chain.
func (p *EnginePack) digest(body []byte) Hash {
	sum := Keccak(body)
	h := structHash(packType, wordAddr(p.Publisher), wordText(p.Name), wordText(p.Release), sum[:])
	return Keccak([]byte{0x19, 0x01}, anyChain[:], h[:])
}

// SignPack checks a pack and writes the file that rigs take, signed with the publisher's key.
func SignPack(p EnginePack, key Signer) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if key.Address() != p.Publisher {
		return nil, fieldErr("pack.publisher", "the signing key's address", p.Publisher)
	}
	body, err := Encode(p)
	if err != nil {
		return nil, err
	}
	sig, err := key.Sign(p.digest(body))
	if err != nil {
		return nil, fmt.Errorf("sign pack: %w", err)
	}
	file, err := Encode(SignedPack{body, sig})
	if err != nil {
		return nil, err
	}
	return file, checkLen("pack", len(file), MaxPackBytes)
}

// ReadPack reads such a file and checks its form and that its publisher signed it. Whether
// that one is trusted is the caller's to say.
func ReadPack(file []byte) (*EnginePack, error) {
	if err := checkLen("pack", len(file), MaxPackBytes); err != nil {
		return nil, err
	}
	var s SignedPack
	if err := Decode(file, &s); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	var p EnginePack
	if err := Decode(s.Pack, &p); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if _, err := CheckSignature("pack.signature", p.digest(s.Pack), s.Signature, p.Publisher); err != nil {
		return nil, err
	}
	return &p, nil
}

func (p *EnginePack) check() error {
	if p.Version != Version {
		return fieldErr("pack.version", fmt.Sprint(Version), p.Version)
	}
	if p.Publisher.IsZero() {
		return fieldErr("pack.publisher", "not zero", p.Publisher)
	}
	for _, t := range []struct{ field, text string }{{"pack.name", p.Name}, {"pack.release", p.Release}} {
		if t.text == "" {
			return &FieldError{Field: t.field, Limit: "not empty"}
		}
		if err := checkText(t.field, t.text, MaxModelName); err != nil {
			return err
		}
	}
	if err := CheckCID("pack.image", p.Image); err != nil {
		return err
	}
	if p.ImageSize == 0 || p.ImageSize > MaxImageBytes {
		return fieldErr("pack.image_bytes", fmt.Sprintf("1 to %d", uint64(MaxImageBytes)), p.ImageSize)
	}
	for _, l := range []struct {
		field string
		list  []string
		known []string
	}{
		{"pack.server", []string{p.Server}, []string{ServerLlama, ServerVLLM}},
		{"pack.formats", p.Formats, []string{FormatGGUF, FormatSafetensors}},
		{"pack.needs", p.Needs, []string{NeedsVulkan, NeedsCUDA, NeedsCPU}},
	} {
		if err := checkChosen(l.field, l.list, l.known); err != nil {
			return err
		}
	}
	if err := p.checkRun(); err != nil {
		return err
	}
	if p.Images != nil {
		if err := p.Images.Check("pack.images"); err != nil {
			return err
		}
	}
	return checkExtensions("pack", p.Crit, p.Opt)
}

// checkChosen wants a list of one or more of what is known, each once.
func checkChosen(field string, list, known []string) error {
	if len(list) == 0 || len(list) > len(known) {
		return fieldErr(field, "at least one of "+strings.Join(known, ", ")+", each once", len(list))
	}
	for i, one := range list {
		if !slices.Contains(known, one) || slices.Contains(list[:i], one) {
			return fieldErr(field, "of "+strings.Join(known, ", ")+", each once", fmt.Sprintf("%q", clip(one, 40)))
		}
	}
	return nil
}

// checkRun holds how the server is run to its limits.
func (p *EnginePack) checkRun() error {
	if err := checkLen("pack.args", len(p.Args), MaxPackArgs); err != nil {
		return err
	}
	for i, a := range p.Args {
		if err := checkText(fmt.Sprintf("pack.args[%d]", i), a, MaxPackArg); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(p.Args, func(a string) bool { return strings.Contains(a, PackModel) }) {
		return &FieldError{Field: "pack.args", Limit: "one with " + PackModel + ", where the weights are"}
	}
	if err := checkText("pack.health", p.Health, MaxNameBytes); err != nil {
		return err
	}
	switch {
	case p.Port == 0:
		return fieldErr("pack.port", "1 to 65535", p.Port)
	case !path.IsAbs(p.Health) || strings.ContainsAny(p.Health, " ?#%"):
		return fieldErr("pack.health", "a path such as /health", p.Health)
	case !driverText.MatchString(p.MinDriver):
		return fieldErr("pack.min_driver", "a version such as 550.54.14, or none", p.MinDriver)
	case p.Seconds == 0 || p.Seconds > MaxPackSeconds:
		return fieldErr("pack.start_seconds", fmt.Sprintf("1 to %d", MaxPackSeconds), p.Seconds)
	case p.AtOnce == 0 || p.AtOnce > MaxPackParallel:
		return fieldErr("pack.parallel", fmt.Sprintf("1 to %d", MaxPackParallel), p.AtOnce)
	}
	return nil
}
