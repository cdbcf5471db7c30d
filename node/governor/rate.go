package governor

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Rate is money an hour, in millionths of the network's token: µUSDC/h. A loss is negative.
type Rate int64

// PerKWh is what a kilowatt-hour costs, in millionths of the network's token. Spot prices
// can be negative.
type PerKWh int64

// Share is a part of something in basis points: 10,000 are all of it.
type Share int64

// Power is in milliwatts.
type Power int64

// Limits of what is believed, so that no sum of products leaves 64 bits.
const (
	maxMoney = 1_000_000_000_000 // millionths: a million tokens
	maxPower = 10_000_000        // mW: 10 kW
	maxShare = 100_000           // ten times
	whole    = 10_000            // of a Share
)

// Cost is what running at a power costs in an hour, rounded up.
func (p PerKWh) Cost(power Power) Rate {
	const kW = 1_000_000
	return Rate(ceilDiv(int64(p)*int64(min(power, maxPower)), kW))
}

// of is a part of money, rounded up.
func (s Share) of(r Rate) Rate { return Rate(ceilDiv(int64(r)*int64(s), whole)) }

func ceilDiv(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// String is in whole tokens, such as "0.0255".
func (r Rate) String() string { return decimal(int64(r)) }

// String is in whole tokens, such as "0.15".
func (p PerKWh) String() string { return decimal(int64(p)) }

// String is in percent, such as "20 %".
func (s Share) String() string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", s/100, s%100), "0"), ".") + " %"
}

// String is in watts, such as "170 W".
func (p Power) String() string { return strconv.FormatInt(int64(p+500)/1000, 10) + " W" }

func decimal(v int64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	text := fmt.Sprintf("%d.%06d", v/1_000_000, v%1_000_000)
	return sign + strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// ParseRate reads tokens an hour, "0.03/h", or a day, "0.72/d"; without a unit it is an hour's.
func ParseRate(s string) (Rate, error) {
	number, day := strings.CutSuffix(strings.TrimSpace(s), "/d")
	if !day {
		number = strings.TrimSuffix(number, "/h")
	}
	v, err := parseMillionths(number)
	if err != nil {
		return 0, fmt.Errorf("%w, of tokens an hour (0.03/h) or a day (0.72/d)", err)
	}
	if day {
		v /= 24
	}
	return Rate(v), nil
}

// ParsePerKWh reads tokens for a kilowatt-hour: "0.15" or "-0.004".
func ParsePerKWh(s string) (PerKWh, error) {
	v, err := parseMillionths(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("%w, of tokens for a kilowatt-hour", err)
	}
	return PerKWh(v), nil
}

// ParseShare reads percent: "20%" or "20", with two digits after the point at most.
func ParseShare(s string) (Share, error) {
	text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	v, err := parseMillionths(text)
	if err != nil || v < 0 || v/10_000 > maxShare || v%10_000 != 0 {
		return 0, fmt.Errorf("percent from 0 to 1000, such as 20%%, got %q", clip(s))
	}
	return Share(v / 10_000), nil
}

// number is a decimal with an exponent of at most two digits, as JSON writes them.
var number = regexp.MustCompile(`^(-?)([0-9]{0,12})(?:\.([0-9]{0,30}))?(?:[eE]([+-]?[0-9]{1,2}))?$`)

// parseMillionths reads a decimal number and cuts what is below a millionth off: what a web
// page says may have more digits than money has. It never passes through a float.
func parseMillionths(s string) (int64, error) {
	bad := fmt.Errorf("a decimal number such as 0.15, at most %d, got %q", int64(maxMoney/1_000_000), clip(s))
	m := number.FindStringSubmatch(s)
	if m == nil || m[2] == "" && m[3] == "" {
		return 0, bad
	}
	exp := 0
	if m[4] != "" {
		exp, _ = strconv.Atoi(m[4]) // two digits
	}
	digits := m[2] + m[3]
	point := len(m[2]) + exp + 6 // where millionths end
	if point < 0 {
		return 0, nil
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	digits = strings.TrimLeft(digits[:point], "0")
	if len(digits) > 13 {
		return 0, bad
	}
	if digits == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || v > maxMoney {
		return 0, errors.Join(bad, err)
	}
	if m[1] == "-" {
		v = -v
	}
	return v, nil
}

// clip makes text of a file or a server fit an error: printable and short.
func clip(s string) string { return clipTo(s, 60) }

func clipTo(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}
