package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/rerig/rerig/protocol"
)

// Profile names a network: its peers, its chain and its money (SPEC §3). It is a
// TOML file; `rerig testnet up` writes the one called "local".
type Profile struct {
	Name          string    `toml:"name"`
	RPC           Endpoints `toml:"rpc"`
	ChainID       uint64    `toml:"chain_id"`
	Escrow        string    `toml:"escrow"`
	Token         string    `toml:"token"`
	TokenSymbol   string    `toml:"token_symbol"`
	TokenDecimals int       `toml:"token_decimals"`
	Bootstrap     []string  `toml:"bootstrap"`
	Local         bool      `toml:"local"`
	Confirmations uint64    `toml:"confirmations"`
	// NativePrice is what one native coin is worth in the token, "3000" for example:
	// a rig holds the fee of a collection against it. "" is not known.
	NativePrice string `toml:"native_price,omitempty"`
	// EscrowBlock is the block that deployed the escrow; nothing before it is read.
	EscrowBlock uint64 `toml:"escrow_block,omitempty"`
	// Faucet is set on test networks only: where `rerig wallet init` asks for coins.
	Faucet string `toml:"faucet,omitempty"`

	market      protocol.Market
	nativePrice *nativePrice // nil is not known
}

// nativePrice converts wei to the token.
type nativePrice struct{ coin *big.Int } // base units for one coin of 10^18 wei

// tokens is the worth of wei in base units, rounded up.
func (p *nativePrice) tokens(wei protocol.Amount) *big.Int {
	oneCoin := big.NewInt(1e18)
	worth := new(big.Int).Mul(wei.Big(), p.coin)
	worth.Add(worth, oneCoin).Sub(worth, big.NewInt(1))
	return worth.Div(worth, oneCoin)
}

// Endpoints are the URLs of a chain's JSON-RPC endpoints, the best first. In a
// profile they are a list, or one text.
type Endpoints []string

// UnmarshalText reads the one text.
func (e *Endpoints) UnmarshalText(text []byte) error {
	*e = Endpoints{string(text)}
	return nil
}

// UnmarshalJSON reads the list: in JSON an UnmarshalText alone would refuse it.
func (e *Endpoints) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, (*[]string)(e)) }

// LoadProfile reads and checks a profile file.
func LoadProfile(path string) (*Profile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("network profile: %w; `rerig testnet up` writes one for a local network", err)
	}
	if len(b) > 64<<10 {
		return nil, &protocol.FieldError{Field: "network profile " + path, Limit: "at most 64 KiB"}
	}
	p := new(Profile)
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(p); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, fmt.Errorf("network profile %s: unknown key:\n%s", path, strict.String())
		}
		return nil, fmt.Errorf("network profile %s: %w", path, err)
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("network profile %s: %w", path, err)
	}
	return p, nil
}

// Write stores the profile as TOML.
func (p *Profile) Write(path string) error {
	b, err := toml.Marshal(p)
	if err != nil {
		return fmt.Errorf("network profile: %w", err)
	}
	return writeFile(path, b, 0o600)
}

// Check names the first key that is missing or wrong.
func (p *Profile) Check() error {
	field := func(name, limit string, got any) error {
		return &protocol.FieldError{Field: name, Limit: limit, Got: fmt.Sprint(got)}
	}
	if p.Name == "" || len(p.Name) > 32 || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return field("name", "1 to 32 of a-z, 0-9 and -", p.Name)
	}
	if len(p.RPC) == 0 || len(p.RPC) > 8 {
		return field("rpc", "1 to 8 URLs", len(p.RPC))
	}
	if p.ChainID == 0 {
		return field("chain_id", "the chain's ID", p.ChainID)
	}
	if p.TokenDecimals < 0 || p.TokenDecimals > 18 {
		return field("token_decimals", "0 to 18", p.TokenDecimals)
	}
	if len(p.Bootstrap) > 64 {
		return field("bootstrap", "at most 64 addresses", len(p.Bootstrap))
	}
	escrow, err := protocol.ParseAddress(p.Escrow)
	if err != nil {
		return fmt.Errorf("escrow: %w", err)
	}
	token, err := protocol.ParseAddress(p.Token)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	switch {
	case token.IsZero():
		p.nativePrice = &nativePrice{big.NewInt(1e18)}
	case p.NativePrice != "":
		coin, err := protocol.ParseUnits(p.NativePrice, p.TokenDecimals)
		if err != nil || coin.IsZero() {
			return field("native_price", "tokens for one native coin, above zero", p.NativePrice)
		}
		p.nativePrice = &nativePrice{coin.Big()}
	}
	p.market = protocol.Market{Domain: protocol.Domain{ChainID: p.ChainID, Escrow: escrow}, Token: token}
	return nil
}

// Market is the token and escrow that the profile's chain settles in. Check must
// have passed.
func (p *Profile) Market() protocol.Market { return p.market }
