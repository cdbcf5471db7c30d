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
		res[gasName(words[2:])] = float64(n)
	}
	return lines.Err()
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
