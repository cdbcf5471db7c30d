package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError says which field of hostile or mistaken input broke which limit
// (SPEC §1.4). Field is a path such as "offer.addrs[3]".
type FieldError struct {
	Field string
	Limit string
	Got   string
}

// Error names the field, the limit and what was given.
func (e *FieldError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Limit)
	}
	return fmt.Sprintf("%s: %s, got %s", e.Field, e.Limit, e.Got)
}

func fieldErr(field, limit string, got any) error {
	return &FieldError{Field: field, Limit: limit, Got: clip(fmt.Sprint(got), 80)}
}

// ClipDetail makes text fit beside a reason code: printable UTF-8 of at most
// MaxDetailBytes. A detail may hold what a job or a peer wrote.
func ClipDetail(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s), MaxDetailBytes)
}

// clip cuts at a rune, since a receiver refuses text that is not UTF-8.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// checkText bounds text that people are shown. It refuses what is not UTF-8, which
// no decoder takes, and what is not printable: a peer must not write to a terminal.
func checkText(field, s string, limit int) error {
	if !utf8.ValidString(s) {
		return fieldErr(field, "valid UTF-8", s)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fieldErr(field, "printable characters only", strconv.Quote(clip(s, 40)))
	}
	return checkLen(field, len(s), limit)
}

func checkLen(field string, n, limit int) error {
	if n > limit {
		return fieldErr(field, fmt.Sprintf("at most %d", limit), n)
	}
	return nil
}
