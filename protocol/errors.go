package protocol

import "fmt"

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

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

func checkLen(field string, n, limit int) error {
	if n > limit {
		return fieldErr(field, fmt.Sprintf("at most %d", limit), n)
	}
	return nil
}
