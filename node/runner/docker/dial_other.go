//go:build !windows

package docker

import (
	"context"
	"fmt"
	"net"
)

// dialEngine connects to the engine's socket.
func dialEngine(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "unix" {
		return nil, fmt.Errorf("named pipes are not on this system: give unix:///var/run/docker.sock")
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
