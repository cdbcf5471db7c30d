package protocol

import "fmt"

// Dial asks for a connection to a port inside a running service (requester → rig): the
// first frame of a stream of its own (SPEC §5.7).
type Dial struct {
	Version uint8      `cbor:"1,keyasint"`
	Job     Hash       `cbor:"2,keyasint"`
	Port    uint16     `cbor:"3,keyasint"`
	Crit    Extensions `cbor:"4,keyasint"`
	Opt     Extensions `cbor:"5,keyasint"`
}

// Dialed answers a Dial (rig → requester). Without a reason the stream is the connection
// from here on.
type Dialed struct {
	Version uint8      `cbor:"1,keyasint"`
	Reason  Reason     `cbor:"2,keyasint"`
	Detail  string     `cbor:"3,keyasint"`
	Crit    Extensions `cbor:"4,keyasint"`
	Opt     Extensions `cbor:"5,keyasint"`
}

// Check applies the limits of SPEC §5.7.
func (d *Dial) Check() error {
	if d.Version != Version {
		return fieldErr("dial.version", fmt.Sprint(Version), d.Version)
	}
	if d.Port == 0 {
		return fieldErr("dial.port", "1 to 65535", d.Port)
	}
	return checkExtensions("dial", d.Crit, d.Opt)
}

// Check applies the limits of SPEC §5.7.
func (d *Dialed) Check() error {
	if d.Version != Version {
		return fieldErr("dialed.version", fmt.Sprint(Version), d.Version)
	}
	if err := checkReason("dialed", d.Reason, d.Detail); err != nil {
		return err
	}
	return checkExtensions("dialed", d.Crit, d.Opt)
}

// DecodeDial reads and checks a Dial from a peer.
func DecodeDial(b []byte) (*Dial, error) {
	d := new(Dial)
	if err := decodeSmall(b, "dial", d); err != nil {
		return nil, err
	}
	return d, d.Check()
}

// DecodeDialed reads and checks the answer to a Dial.
func DecodeDialed(b []byte) (*Dialed, error) {
	d := new(Dialed)
	if err := decodeSmall(b, "dialed", d); err != nil {
		return nil, err
	}
	return d, d.Check()
}

func decodeSmall(b []byte, field string, v any) error {
	if err := checkLen(field, len(b), MaxDialFrame); err != nil {
		return err
	}
	if err := Decode(b, v); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return nil
}
