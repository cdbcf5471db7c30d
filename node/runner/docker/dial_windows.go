package docker

import (
	"context"
	"net"

	"github.com/Microsoft/go-winio"
)

// dialEngine connects to the engine's socket or named pipe. UNPROVEN: never run.
func dialEngine(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "npipe" {
		return winio.DialPipeContext(ctx, address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
