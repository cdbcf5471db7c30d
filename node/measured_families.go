package node

import "github.com/rerig/rerig/node/metrics"

func gauge(name, help string, labels ...string) metrics.Family {
	return metrics.Family{Name: "rerig_" + name, Help: help, Kind: metrics.Gauge, Labels: labels}
}

func counter(name, help string, labels ...string) metrics.Family {
	return metrics.Family{Name: "rerig_" + name, Help: help, Kind: metrics.Counter, Labels: labels}
}

// What a node says of itself. Money is in base units of the network's token where a name ends
// with them, and in the token where it is for an hour or a kilowatt-hour.
var (
	buildInfo    = gauge("build_info", "The program that runs; always 1.", "version", "go", "platform")
	startTime    = gauge("start_time_seconds", "When the node started, in seconds since 1970.")
	goroutines   = gauge("goroutines", "Goroutines of the node.")
	ready        = gauge("ready", "1 while the node can do its work; /readyz says why it cannot.")
	notReady     = gauge("not_ready_reasons", "Reasons of that kind for which the node is not ready.", "reason")
	peers        = gauge("peers", "Peers that are connected, directly or through a relay only.", "path")
	chainOnline  = gauge("chain_online", "1 while an endpoint of the chain answers.")
	chainHead    = gauge("chain_head_block", "Number of the newest block seen.")
	alarms       = gauge("alarms", "Disagreements of the books with the chain.")
	rpcRequests  = counter("rpc_requests_total", "Requests to an endpoint of the chain, by scheme and host.", "endpoint")
	rpcErrors    = counter("rpc_errors_total", "Requests to an endpoint of the chain that got no answer.", "endpoint")
	selfTest     = gauge("sandbox_selftest_passed", "1 where the sandbox's last self-test passed.", "engine")
	selfTestRuns = counter("sandbox_selftests_total", "Self-tests of the sandbox.", "engine", "result")

	jobsActive = gauge("jobs_active", "Jobs under way, sold (role rig) or bought (requester).", "role", "state")
	slots      = gauge("slots", "Jobs that the rig runs at once.")
	slotsFree  = gauge("slots_free", "Slots that no job has.")

	tokenInfo      = gauge("token_info", "The token of all amounts; always 1.", "symbol", "decimals")
	moneyEarned    = counter("earned_base_units_total", "Earned by vouchers, ever.")
	moneyPromised  = gauge("promised_base_units", "In vouchers that are held and not yet collected.")
	moneyCollected = counter("collected_base_units_total", "Collected into the payout address's account of the escrow, ever and by all its rigs.")
	moneyPaidOut   = counter("paid_out_base_units_total", "Taken out of the payout address's account of the escrow, ever.")
	payoutHas      = gauge("payout_base_units", "What the payout address has now, in its account of the escrow or outside it.", "place")
	moneySpent     = counter("spent_base_units_total", "Paid by vouchers for what this node bought, ever.")
	exposure       = gauge("exposure_base_units", "What may be lost to others: work that is not paid yet (role rig), and unclaimed money in channels (requester).", "role")

	cardPower    = gauge("gpu_power_watts", "Power that the card draws.", "card", "model")
	cardLimit    = gauge("gpu_power_limit_watts", "Power that the card may draw.", "card", "model")
	cardTemp     = gauge("gpu_temperature_celsius", "Temperature of the card's core.", "card", "model")
	cardJunction = gauge("gpu_junction_temperature_celsius", "Temperature of the core's hottest point.", "card", "model")
	cardMemTemp  = gauge("gpu_memory_temperature_celsius", "Temperature of the card's memory.", "card", "model")
	cardFan      = gauge("gpu_fan_ratio", "Speed of the fan, of its highest.", "card", "model")
	cardLoad     = gauge("gpu_utilization_ratio", "Part of the time in which the card works.", "card", "model")
	cardUsed     = gauge("gpu_memory_used_bytes", "Memory of the card that is in use.", "card", "model")
	cardTotal    = gauge("gpu_memory_bytes", "Memory of the card.", "card", "model")
	cardLanes    = gauge("gpu_pcie_lanes", "Lanes of its PCI Express link as it runs.", "card", "model")
	cardErrors   = counter("gpu_memory_errors_total", "Memory errors since the driver was loaded.", "card", "model", "kind")
	cardEnergy   = counter("gpu_energy_joules_total", "Energy drawn since the rig started, as far as power was told.", "card", "model")
	cardState    = gauge("gpu_state", "1 for the state that the card is in.", "card", "model", "state")
	cardGross    = gauge("gpu_gross_per_hour", "What its job pays for the card, in the token for an hour.", "card", "model")
	cardCost     = gauge("gpu_power_cost_per_hour", "What its power costs, in the token for an hour.", "card", "model")
	cpuPower     = gauge("cpu_power_watts", "Power that the processors draw.")
	cpuTemp      = gauge("cpu_temperature_celsius", "Temperature of the processors.")
	cpuLoad      = gauge("cpu_utilization_ratio", "Part of the time in which the processors work.")

	modelLoaded   = gauge("model_loaded", "1 while the served model is in memory.", "name")
	modelSessions = gauge("model_sessions", "Sessions with a served model that are open.", "name")
	modelRequests = gauge("model_requests", "Requests to a served model under way.", "name")
	modelTokens   = counter("model_tokens_total", "Units of tokens made for sessions that have ended.", "name")
	modelLoads    = counter("model_loads_total", "Times that the served model was loaded.", "name")
	modelCrashes  = counter("model_crashes_total", "Times that its server ended by itself.", "name")

	askPrice      = gauge("ask_per_hour", "What the rig asks for an hour of a card, in the token.")
	tariffPrice   = gauge("tariff_per_kwh", "What a kilowatt-hour costs now, in the token.")
	sourceFailed  = gauge("governor_source_failed", "1 while a source of the governor's figures cannot be read.", "source")
	governorMode  = gauge("governor_mode", "1 for what the governor has the card do.", "card", "model", "mode")
	governorFloor = gauge("governor_floor_per_hour", "Least that an hour of the card is sold for, in the token.", "card", "model")
	handovers     = counter("governor_handovers_total", "Times that the idle command gave the card to a job.", "card", "model")
	handoverTime  = gauge("governor_handover_seconds", "How long the last hand-over of the card took.", "card", "model", "direction")
	minerCrashes  = counter("governor_idle_command_crashes_total", "Times that the idle command ended by itself.", "card", "model")
)
