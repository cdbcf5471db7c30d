package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Pull takes an image from a registry, with the credentials that the user's docker
// configuration has for it, or with none. as is what it will be called; "" for the
// reference's own name.
func (l *Library) Pull(ctx context.Context, reference, as string) (*Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("pull image: %w; want [REGISTRY/]NAME[:TAG] or NAME@sha256:…", err)
	}
	if as == "" {
		as = reference
		if d, ok := ref.(name.Digest); ok {
			as = strings.TrimSuffix(reference, "@"+d.DigestStr()) + ":" + d.DigestStr()[len("sha256:"):][:shortDigest]
		}
	}
	base, ok := remote.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("pull image: the registry client has another transport")
	}
	transport := base.Clone()
	defer transport.CloseIdleConnections()
	system, arch := platform()
	l.say("pulling %s", ref.Name())
	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(onlyTLS{transport}), remote.WithPlatform(v1.Platform{OS: system, Architecture: arch}))
	if err != nil {
		return nil, fmt.Errorf("pull image: %w", err)
	}
	pulled, err := l.add(ctx, as, func(w *layoutWriter) (v1.Hash, error) { return w.image(img, l.limits) })
	if err != nil {
		return nil, fmt.Errorf("pull image %s: %w", ref.Name(), err)
	}
	return pulled, nil
}

// onlyTLS refuses to speak to another machine in the clear.
type onlyTLS struct{ http.RoundTripper }

// RoundTrip sends a request that nobody on the way can read, or that does not leave.
func (t onlyTLS) RoundTrip(r *http.Request) (*http.Response, error) {
	if host := r.URL.Hostname(); r.URL.Scheme != "https" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("registry %s does not speak TLS; only one on this machine may", host)
	}
	return t.RoundTripper.RoundTrip(r)
}
