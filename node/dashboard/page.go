package dashboard

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"net/http"
	"path"
	"strings"
)

// dist is what `make web` builds of web/, each file gzipped.
//
//go:embed dist/*.gz
var dist embed.FS

// asset is a file of the page.
type asset struct {
	zipped []byte
	kind   string
}

// page is the built page. Its files have the same names in every build, so browsers ask each
// time whether they changed; that costs nothing on a machine's own page.
type page struct{ files map[string]asset }

var kinds = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}

func newPage() *page {
	p := &page{files: map[string]asset{}}
	names, _ := dist.ReadDir("dist") // what is embedded can be read
	for _, e := range names {
		b, _ := dist.ReadFile("dist/" + e.Name())
		name := strings.TrimSuffix(e.Name(), ".gz")
		p.files[name] = asset{b, kinds[path.Ext(name)]}
	}
	return p
}

// public reports whether a file may be had without the token: what the door looks like.
func (p *page) public(name string) bool { return name == "/app.css" || name == "/icon.svg" }

// ServeHTTP serves a file of the page.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	f, ok := p.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	p.write(w, f, http.StatusOK, strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"))
}

// door asks for the token.
func (p *page) door(w http.ResponseWriter, status int) {
	p.write(w, p.files["door.html"], status, false)
}

func (p *page) write(w http.ResponseWriter, f asset, status int, zipped bool) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	if zipped {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		_, _ = w.Write(f.zipped) // who left wants nothing
		return
	}
	w.WriteHeader(status)
	z, err := gzip.NewReader(bytes.NewReader(f.zipped))
	if err != nil {
		return // it was made by this build
	}
	_, _ = io.Copy(w, z) // who left wants nothing
}
