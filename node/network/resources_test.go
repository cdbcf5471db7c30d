package network

import (
	"maps"
	"testing"

	"github.com/libp2p/go-libp2p"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
)

// TestServicesHaveTheLibrarysLimits notices when a new libp2p has others, or another service.
func TestServicesHaveTheLibrarysLimits(t *testing.T) {
	scaling := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&scaling)
	want, got := scaling.Scale(maxMemory, maxConns).ToPartialLimitConfig(), limits().ToPartialLimitConfig()
	if !maps.Equal(got.Service, want.Service) || !maps.Equal(got.ServicePeer, want.ServicePeer) {
		t.Errorf("services have %+v\n%+v\nlibp2p gives them %+v\n%+v", got.Service, got.ServicePeer, want.Service, want.ServicePeer)
	}
	if !maps.Equal(got.Protocol, want.Protocol) || !maps.Equal(got.ProtocolPeer, want.ProtocolPeer) {
		t.Errorf("protocols have %+v\n%+v\nlibp2p gives them %+v\n%+v", got.Protocol, got.ProtocolPeer, want.Protocol, want.ProtocolPeer)
	}
}
