package transfer

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxAccountFile is the longest credentials or configuration file that is read, in bytes.
const maxAccountFile = 1 << 20

// account is who asks S3, and in which region. Without a key it is anonymous.
type account struct {
	region string
	key    string
	secret string
	token  string
}

// findAccount looks where the AWS tools do: the AWS_… variables first, then the profile
// AWS_PROFILE, or "default", of the credentials file, and of the configuration file for the
// region (docs.aws.amazon.com/sdkref, "Shared config and credentials files").
func findAccount() (account, error) {
	who := account{key: os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), token: os.Getenv("AWS_SESSION_TOKEN"),
		region: cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))}
	profile := cmp.Or(os.Getenv("AWS_PROFILE"), "default")
	if who.key == "" {
		kept, err := readProfile("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile)
		if err != nil {
			return who, err
		}
		who.key, who.secret, who.token = kept["aws_access_key_id"], kept["aws_secret_access_key"], kept["aws_session_token"]
		who.region = cmp.Or(who.region, kept["region"])
		if who.key == "" && os.Getenv("AWS_PROFILE") != "" {
			return who, fmt.Errorf("AWS_PROFILE: the credentials file has no key for the profile %q; add one, or set AWS_ACCESS_KEY_ID", profile)
		}
	}
	if who.key != "" && who.secret == "" {
		return who, errors.New("S3: there is an access key without its secret; give AWS_SECRET_ACCESS_KEY, or aws_secret_access_key in the credentials file")
	}
	if who.region == "" {
		section := profile
		if profile != "default" {
			section = "profile " + profile
		}
		kept, err := readProfile("AWS_CONFIG_FILE", "config", section)
		if err != nil {
			return who, err
		}
		who.region = cmp.Or(kept["region"], "us-east-1")
	}
	return who, nil
}

// readProfile reads a section of the file that a variable names, or else of ~/.aws. Where
// nobody named a file there need be none.
func readProfile(variable, name, section string) (map[string]string, error) {
	path := os.Getenv(variable)
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil // who has no home has nothing in it
		}
		path = filepath.Join(home, ".aws", name)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv(variable) == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("S3 %s: %w", name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAccountFile+1))
	if err != nil {
		return nil, fmt.Errorf("S3 %s: %w", name, err)
	}
	if len(text) > maxAccountFile {
		return nil, fmt.Errorf("S3 %s: %s: at most %d bytes, it has more", name, path, maxAccountFile)
	}
	return sectionOf(text, section), nil
}

// sectionOf reads KEY = VALUE lines of an INI section. Lines that are indented belong to a
// key of several, none of which is an account's.
func sectionOf(text []byte, section string) map[string]string {
	values, inside := map[string]string{}, false
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	lines.Buffer(nil, maxAccountFile+1)
	for lines.Scan() {
		line := lines.Text()
		key, value, pair := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			name, _, _ := strings.Cut(line[1:], "]")
			inside = strings.Join(strings.Fields(name), " ") == section
		case inside && pair && !strings.ContainsAny(line[:1], " \t#;"):
			values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return values
}
