package transfer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const credentials = `# a comment
[default]
aws_access_key_id = me
aws_secret_access_key = a=b/c+d

[ other ]
aws_access_key_id=you
; aws_secret_access_key = no
aws_secret_access_key=theirs
aws_session_token = for an hour
s3 =
  aws_access_key_id = nested
[half]
aws_access_key_id = half
`

// TestAccount: keys come from the variables, or else from the profile of the file.
func TestAccount(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{"credentials": credentials, "config": "[default]\nregion = eu-west-1\n[profile other]\nregion = sa-east-1\n"} {
		file := filepath.Join(home, ".aws", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(elsewhere, []byte("[default]\r\naws_access_key_id=third\r\naws_secret_access_key=s\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		want account
		err  string
	}{
		"the default profile":    {nil, account{"eu-west-1", "me", "a=b/c+d", ""}, ""},
		"a named profile":        {map[string]string{"AWS_PROFILE": "other"}, account{"sa-east-1", "you", "theirs", "for an hour"}, ""},
		"the variables":          {map[string]string{"AWS_PROFILE": "other", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "r"}, account{"r", "x", "y", ""}, ""},
		"another file":           {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": elsewhere}, account{"eu-west-1", "third", "s", ""}, ""},
		"nobody":                 {map[string]string{"HOME": t.TempDir()}, account{region: "us-east-1"}, ""},
		"an absent profile":      {map[string]string{"AWS_PROFILE": "absent"}, account{}, `no key for the profile "absent"`},
		"an absent file":         {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": elsewhere + "x"}, account{}, "credentials"},
		"a key without a secret": {map[string]string{"AWS_PROFILE": "half"}, account{}, "aws_secret_access_key"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, name := range []string{"AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_ACCESS_KEY_ID",
				"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"} {
				t.Setenv(name, "")
			}
			t.Setenv("HOME", home)
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			got, err := findAccount()
			if c.err == "" && (err != nil || got != c.want) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %+v, %v; want %+v, %s", got, err, c.want, c.err)
			}
		})
	}
}
