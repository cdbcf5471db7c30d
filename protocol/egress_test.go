package protocol

import "testing"

// TestEgressLimits: hosts come with egress, for containers, each as host:port.
func TestEgressLimits(t *testing.T) {
	spec := func(change func(*JobSpec)) *JobSpec {
		s := exampleSpec()
		s.Engine, s.Egress, s.Hosts = EngineContainer, true, []string{"data.example:443", "8.8.8.8:53"}
		change(s)
		return s
	}
	if _, _, err := EncodeSpec(spec(func(*JobSpec) {})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field, limit string
		past         func(*JobSpec)
	}{
		{"spec.hosts", "where there is egress", func(s *JobSpec) { s.Hosts = nil }},
		{"spec.hosts", "where there is egress", func(s *JobSpec) { s.Egress = false }},
		{"spec.egress", "container", func(s *JobSpec) { s.Engine = EngineWASM }},
		{"spec.hosts", "at most 16", func(s *JobSpec) { s.Hosts = many(MaxHosts+1, "a.example:") }},
		{"spec.hosts[1]", "port 1 to 65535", func(s *JobSpec) { s.Hosts[1] = "a.example" }},
		{"spec.hosts[1]", "port 1 to 65535", func(s *JobSpec) { s.Hosts[1] = "a.example:0" }},
		{"spec.hosts[1]", "port 1 to 65535", func(s *JobSpec) { s.Hosts[1] = "a.example:080" }},
		{"spec.hosts[1]", "lower case", func(s *JobSpec) { s.Hosts[1] = "*.example:443" }},
		{"spec.hosts[1]", "lower case", func(s *JobSpec) { s.Hosts[1] = "A.example:443" }},
		{"spec.hosts[1]", "lower case", func(s *JobSpec) { s.Hosts[1] = "a.example\n:443" }},
		{"spec.hosts[1]", "lower case", func(s *JobSpec) { s.Hosts[1] = "[::1]:443" }},
		{"spec.hosts[1]", "at most 128", func(s *JobSpec) { s.Hosts[1] = long(MaxNameBytes) + ":443" }},
	} {
		wantField(t, spec(c.past).Check(), c.field, c.limit)
	}
}
