package main

import "testing"

// TestSplitInput: a URL's own parameters are no file name.
func TestSplitInput(t *testing.T) {
	for _, c := range []struct{ input, path, name string }{
		{"scan.png", "scan.png", ""},
		{"scan.png=page.png", "scan.png", "page.png"},
		{"https://h/f.png", "https://h/f.png", ""},
		{"https://h/f.png=page.png", "https://h/f.png", "page.png"},
		{"https://h/f.png?id=5", "https://h/f.png?id=5", ""},
		{"https://h/f.png?id=5=page.png", "https://h/f.png?id=5", "page.png"},
		{"https://h/f.png?a=1&X-Amz-Signature=ab12", "https://h/f.png?a=1&X-Amz-Signature=ab12", ""},
		{"https://h/f.png?a=1&X-Amz-Signature=ab12=page.png", "https://h/f.png?a=1&X-Amz-Signature=ab12", "page.png"},
		{"https://h/f.png?s=ab==", "https://h/f.png?s=ab==", ""},
		{"s3://scans/a=b/c.png", "s3://scans/a=b/c.png", ""},
	} {
		if path, name := splitInput(c.input); path != c.path || name != c.name {
			t.Errorf("%s is %q and %q, want %q and %q", c.input, path, name, c.path, c.name)
		}
	}
}
