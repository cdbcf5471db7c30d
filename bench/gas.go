package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// gas reads the figures that the contract's tests measured: two columns of gas,
// of which the first is the EVM of public chains, and the call.
func gas(res results, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("gas: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 3 || words[0] == "osaka" {
			continue
		}
		n, err := strconv.ParseUint(words[0], 10, 64)
		if err != nil {
			return fmt.Errorf("gas: %s: %q is no figure", path, words[0])
		}
		name := gasName(words[2:])
		res[name] = float64(n)
		if strings.Contains(name, "per_job") {
			if n, err = strconv.ParseUint(words[1], 10, 64); err != nil {
				return fmt.Errorf("gas: %s: %q is no figure", path, words[1])
			}
			res["gas_amsterdam"+strings.TrimPrefix(name, "gas")] = float64(n)
		}
	}
	return lines.Err()
}

// gasNames gives the figures that targets are set for the names they are known by.
func gasNames(res results) error {
	for name, from := range map[string]string{"gas_redeem_one": "gas_redeem", "gas_per_voucher_100": "gas_redeemPacked_of_100_each"} {
		v, ok := res[from]
		if !ok {
			return fmt.Errorf("gas: contracts/gas.txt lacks %s", from)
		}
		res[name] = v
	}
	return nil
}

// gasName makes "redeem, payee's first" gas_redeem_payees_first.
func gasName(words []string) string {
	name := strings.Map(func(r rune) rune {
		switch r {
		case '\'', ',', '(', ')':
			return -1
		}
		return r
	}, strings.Join(words, "_"))
	return "gas_" + name
}
