package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const envPrefix = "RERIG_"

// outputFormats annotates a command that has a format besides text and json.
const outputFormats = "output"

// configure fills the flags that the command line leaves open: from RERIG_*
// variables, then from the config file.
func (a *app) configure(cmd *cobra.Command) error {
	k := koanf.New(".")
	path, err := a.loadFile(k, cmd)
	if err != nil {
		return err
	}
	names := map[string]string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names[envName(cmd, f)] = configKey(cmd, f) })
	fromEnv := koanf.New(".")
	err = fromEnv.Load(env.Provider(".", env.Opt{Prefix: envPrefix, TransformFunc: func(name, value string) (string, any) {
		return names[name], value // "" for a variable that is not this command's
	}}), nil)
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		key := configKey(cmd, f)
		switch {
		case err != nil || f.Changed || f.Name == "help":
		case fromEnv.Exists(key):
			if e := setFlag(f, fromEnv.Get(key)); e != nil {
				err = usage("%s: %w; see `%s --help`", envName(cmd, f), e, cmd.CommandPath())
			}
		case k.Exists(key):
			if e := setFlag(f, k.Get(key)); e != nil {
				err = usage("config file %s: %s: %w; see `%s --help`", path, key, e, cmd.CommandPath())
			}
		}
	})
	if err != nil {
		return err
	}
	if err := a.checkLogFormat(); err != nil {
		return err
	}
	if formats := cmd.Annotations[outputFormats]; a.output != "text" && a.output != "json" && (formats == "" || a.output != formats) {
		return usage("--output: text or json, got %q", a.output)
	}
	return nil
}

// loadFile reads the config file and refuses keys that no flag has.
func (a *app) loadFile(k *koanf.Koanf, cmd *cobra.Command) (path string, err error) {
	path = a.config
	if path == "" {
		path = os.Getenv(envPrefix + "CONFIG")
	}
	wanted := path != ""
	if !wanted {
		path = filepath.Join(configHome(), "config.toml")
	}
	err = k.Load(file.Provider(path), toml.Parser())
	if errors.Is(err, fs.ErrNotExist) && !wanted {
		return path, nil
	}
	if err != nil {
		return path, usage("config file %s: %w; correct it or give another --config", path, err)
	}
	known := map[string]bool{}
	collect(cmd.Root(), known)
	for _, key := range k.Keys() {
		if !known[key] {
			return path, usage("config file %s: unknown key %q; keys are the flags of `rerig --help` and, in a table such as [up], those of `rerig up --help`", path, key)
		}
	}
	return path, nil
}

// collect lists the config keys of a command and those below it.
func collect(cmd *cobra.Command, into map[string]bool) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { into[configKey(cmd, f)] = true })
	for _, c := range cmd.Commands() {
		collect(c, into)
	}
}

// configKey is a flag's key: its name, below the tables of its command unless it
// is a global one.
func configKey(cmd *cobra.Command, f *pflag.Flag) string {
	if cmd.Root().PersistentFlags().Lookup(f.Name) == f {
		return f.Name
	}
	path := strings.Fields(cmd.CommandPath())[1:]
	return strings.Join(append(path, f.Name), ".")
}

// envName is a flag's variable: RERIG_UP_PRICE for --price of up.
func envName(cmd *cobra.Command, f *pflag.Flag) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(configKey(cmd, f)))
}

// setFlag gives a flag a value of the environment or of TOML. Fractions must be
// written as text: money and shares never pass through a float.
func setFlag(f *pflag.Flag, value any) error {
	switch v := value.(type) {
	case float64:
		return fmt.Errorf("a number with a fraction must be in quotes, got %v", v)
	case []any:
		list, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return errors.New("one value, not a list")
		}
		texts := make([]string, len(v))
		for i, one := range v {
			texts[i] = fmt.Sprint(one)
		}
		return list.Replace(texts)
	case map[string]any:
		return errors.New("a value, not a table")
	default:
		return f.Value.Set(fmt.Sprint(v))
	}
}

// configHome holds config.toml and networks/.
func configHome() string {
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "rerig")
	}
	return "rerig" // without a home there is only the working directory
}

// dataHome holds the nodes' data directories.
func dataHome() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "rerig")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "rerig")
	}
	return "rerig-data"
}

// networksDir holds the network profiles.
func networksDir() string {
	if dir := os.Getenv(envPrefix + "NETWORKS"); dir != "" {
		return dir
	}
	return filepath.Join(configHome(), "networks")
}
