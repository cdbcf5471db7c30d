package governor

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of an idle command.
const (
	maxCommand = 16 << 10 // bytes
	maxWords   = 256
)

// SplitWords splits a command line as a POSIX shell splits words (Shell Command Language,
// 2.2 Quoting): blanks separate, single quotes keep all, double quotes keep all but \" and
// \\, a backslash keeps the next character. Nothing is expanded, and no shell runs.
func SplitWords(line string) (words []string, err error) {
	if len(line) > maxCommand || strings.ContainsRune(line, 0) {
		return nil, fmt.Errorf("a command of at most %d bytes without NUL", maxCommand)
	}
	var word strings.Builder
	begun := false // there is a word, if only an empty one in quotes
	quote := rune(0)
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			if quote == '"' && c != '"' && c != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a command whose quotes are closed")
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 || len(words) > maxWords || words[0] == "" {
		return nil, fmt.Errorf("a command of 1 to %d words", maxWords)
	}
	return words, nil
}
