package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

const (
	cookieName = "rerig"
	maxToken   = 128 // bytes of its file
	minToken   = 20
	// policy has browsers run and show what this server sends, and nothing else.
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// guard lets in who may look: by a name that is no other site's (a name that a stranger's
// name server points here is refused), from no other site's page, and beyond loopback with
// the token.
func (s *Server) guard(next http.Handler, page *page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		login := r.Method == http.MethodPost && r.URL.Path == "/login" && s.token != ""
		switch {
		case !s.knownHost(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "open the dashboard by its IP address or as localhost")
		case foreign(r):
			refuse(w, http.StatusForbidden, "this page is asked for by another site")
		case login:
			s.login(w, r, page)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "nothing can be changed here; use the rerig command")
		case !s.allowed(r) && strings.HasPrefix(r.URL.Path, "/api/"):
			h.Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "the token is missing or wrong; it is in the node's data directory, in dashboard.token")
		case !s.allowed(r) && !page.public(r.URL.Path):
			page.door(w, http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost reports whether a Host header is an address or localhost.
func (s *Server) knownHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && (!s.loopback || ip.IsLoopback())
}

// foreign reports whether a browser says that another site's page asks. That page may lead
// here, but no more.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		if r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.URL.Path != "/" {
			return true
		}
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host // the latter behind a proxy of the owner's
}

// allowed compares the token in constant time.
func (s *Server) allowed(r *http.Request) bool {
	if s.token == "" {
		return true
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.is(bearer)
	}
	c, err := r.Cookie(cookieName)
	return err == nil && s.is(c.Value)
}

func (s *Server) is(token string) bool {
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// login puts the token in a cookie that scripts do not see and other sites do not send.
func (s *Server) login(w http.ResponseWriter, r *http.Request, page *page) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if !s.is(strings.TrimSpace(r.PostFormValue("token"))) {
		page.door(w, http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 30 * 24 * 3600})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// loadToken reads the token, or makes it: in a file of mode 0600, durable before it is used.
func loadToken(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newToken(file)
	}
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if len(token) < minToken || len(token) > maxToken {
		return "", fmt.Errorf("token in %s: %d to %d bytes, has %d; remove the file for a new one", file, minToken, maxToken, len(token))
	}
	return token, nil
}

func newToken(file string) (token string, err error) {
	token = rand.Text() // 128 bits
	f, err := os.CreateTemp(filepath.Dir(file), ".token-*")
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	defer os.Remove(f.Name()) // nothing once it has its name
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return token, nil
}
