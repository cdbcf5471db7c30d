package main

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// leastSecret is the length in bytes of what may be a secret: shorter values of variables
// are words that stand everywhere.
const leastSecret = 6

// scrubber takes secrets out of text: URLs beyond their host, bearer tokens, what a URL or an
// assignment calls a secret, and, wherever it stands, what this process was given as one.
type scrubber struct{ known []string }

var (
	inURL     = regexp.MustCompile(`\b([a-zA-Z][a-zA-Z0-9+.-]*)://[^\s"'<>\\]+`)
	bearer    = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`)
	assigned  = regexp.MustCompile(`(?i)\b([a-z0-9_-]*(?:secret|token|passw|passphrase|api_?key|access_?key|credential|signature)[a-z0-9_-]*)(["']?\s*[=:]\s*["']?)([^\s"'&,;}]{3,})`)
	apiKey    = regexp.MustCompile(`\b(?:sk|rk|pk|AKIA|ASIA)[-_]?[A-Za-z0-9_-]{16,}`)
	secretVar = regexp.MustCompile(`(?i)secret|token|pass|key|credential|auth|cookie`)
	// harmlessValue is numbers, switches, prices, times, words, paths without anything beside
	// them, chain addresses and host:port.
	harmlessValue = regexp.MustCompile(`^(-?[0-9]+([.][0-9]+)?[a-zA-Z%]{0,4}(/(h|d|mo))?|true|false|0x[0-9a-fA-F]{40}|[a-z][a-z-]{0,23}|[0-9a-fA-F.:\[\]]{3,45})$`)
)

// newScrubber knows the secrets of this process: its passphrase, and variables that are
// called like one.
func (a *app) newScrubber() *scrubber {
	s := &scrubber{}
	add := func(text string) {
		if text = strings.TrimSpace(text); len(text) >= leastSecret && !strings.HasPrefix(text, "/") {
			s.known = append(s.known, text)
		}
	}
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); secretVar.MatchString(name) {
			add(value)
		}
	}
	if a.passphraseFile != "" {
		if b, err := os.ReadFile(a.passphraseFile); err == nil && len(b) < 64<<10 { // doctor tells of one that cannot be read
			add(string(b))
		}
	}
	slices.SortFunc(s.known, func(x, y string) int { return len(y) - len(x) }) // the longest first, for those in others
	return s
}

func (s *scrubber) clean(text string) string {
	for _, secret := range s.known {
		text = strings.ReplaceAll(text, secret, "(removed)")
	}
	text = inURL.ReplaceAllStringFunc(text, hostOnly)
	text = bearer.ReplaceAllString(text, "$1 (removed)")
	text = apiKey.ReplaceAllString(text, "(removed)")
	return assigned.ReplaceAllString(text, "$1$2(removed)")
}

// hostOnly is a URL without user, path and query.
func hostOnly(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://(removed)"
	}
	short := u.Scheme + "://" + u.Host
	if u.User != nil || len(u.Path) > 1 || u.RawQuery != "" || u.Fragment != "" {
		short += "/(removed)"
	}
	return short
}

// setting is a flag that was given otherwise than on this command line.
type setting struct {
	Key   string `json:"key"`
	From  string `json:"from"` // "file" or "environment"
	Value string `json:"value"`
}

// harmless lists the settings of the config file and the environment, with the values that
// cannot be secrets.
func (a *app) harmless(cmd *cobra.Command) (list []setting, err error) {
	k := koanf.New(".")
	if _, err := a.loadFile(k, cmd); err != nil {
		return nil, err
	}
	keys := k.Keys()
	slices.Sort(keys)
	for _, key := range keys {
		list = append(list, setting{key, "file", plain(k.Get(key))})
	}
	envs := map[string]bool{}
	each(cmd.Root(), func(c *cobra.Command, f *pflag.Flag) { envs[envName(c, f)] = true })
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); envs[name] {
			list = append(list, setting{name, "environment", plain(value)})
		}
	}
	return list, nil
}

// each calls f for every flag of a command and those below it.
func each(cmd *cobra.Command, f func(*cobra.Command, *pflag.Flag)) {
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) { f(cmd, flag) })
	for _, c := range cmd.Commands() {
		each(c, f)
	}
}

// plain is a value that cannot be a secret, the host of a URL, or that there is one.
func plain(value any) string {
	if many, ok := value.([]any); ok {
		texts := make([]string, len(many))
		for i, one := range many {
			texts[i] = plain(one)
		}
		return strings.Join(texts, ", ")
	}
	text := fmt.Sprint(value)
	if harmlessValue.MatchString(text) {
		return text
	}
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return hostOnly(text)
	}
	return fmt.Sprintf("(%d bytes)", len(text))
}
