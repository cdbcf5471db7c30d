package protocol

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// EgressProxy is where a job with egress finds its HTTP proxy (SPEC §5.10).
var EgressProxy = netip.MustParseAddrPort("10.77.0.254:3128")

// hostName is a DNS name of lower case, or an IPv4 address, which the proxy tells apart.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckHost refuses what is not host:port with a name of lower case or an IPv4 address.
func CheckHost(field, host string) error {
	name, port, _ := strings.Cut(host, ":")
	if len(host) > MaxNameBytes || !hostName.MatchString(name) {
		return fieldErr(field, fmt.Sprintf("host:port of lower case and at most %d bytes", MaxNameBytes), host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return fieldErr(field, "host:port, the port 1 to 65535", host)
	}
	return nil
}

// checkEgress holds the hosts that a job wants to reach to what there is.
func (s *JobSpec) checkEgress() error {
	if s.Egress != (len(s.Hosts) > 0) {
		return fieldErr("spec.hosts", "some exactly where there is egress", len(s.Hosts))
	}
	if !s.Egress {
		return nil
	}
	if EngineFamily(s.Engine) != EngineContainer {
		return &FieldError{Field: "spec.egress", Limit: "of a container only"}
	}
	if err := checkLen("spec.hosts", len(s.Hosts), MaxHosts); err != nil {
		return err
	}
	for i, h := range s.Hosts {
		if err := CheckHost(fmt.Sprintf("spec.hosts[%d]", i), h); err != nil {
			return err
		}
	}
	return nil
}
