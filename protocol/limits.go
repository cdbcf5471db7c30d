package protocol

import "time"

// Version is the version of every message and record this package writes
// (SPEC §1.3). A peer refuses any other.
const Version = 1

// Size limits (SPEC §9). A decoder checks them before it allocates.
const (
	MaxFrame        = 64 << 10  // bytes of one framed message on the job stream
	MaxOfferBytes   = 1 << 10   // bytes of one CBOR offer without its signature
	MaxSpecBytes    = 16 << 10  // bytes of one CBOR job spec
	MaxOutputChunk  = 32 << 10  // bytes of stdout or stderr in one Output message
	MaxArgs         = 256       // arguments of a job
	MaxArgBytes     = 8 << 10   // bytes of one argument or environment entry
	MaxEnv          = 64        // environment entries of a job
	MaxInputs       = 64        // inputs of a job
	MaxNameBytes    = 128       // bytes of a file name, engine, model or region
	MaxDetailBytes  = 512       // bytes of the human text beside a reason code
	MaxAddrs        = 8         // addresses in an offer
	MaxAddrBytes    = 128       // bytes of one multiaddr in text form
	MaxMarkets      = 4         // (chain, escrow, token) triples in an offer
	MaxPrices       = 8         // prices in an offer
	MaxEngines      = 8         // engines in an offer
	MaxModels       = 4         // served models in an offer
	MaxModelName    = 48        // bytes of a served model's name
	MaxContext      = 1 << 20   // tokens that a served model takes in all
	MaxDialFrame    = 4 << 10   // bytes of one framed message before a dialled connection
	MaxDials        = 256       // connections into one job at once
	MaxLinkMembers  = 32        // jobs in one private link
	MaxHosts        = 16        // hosts that a job may reach
	MaxGPUs         = 16        // GPU groups in an offer
	MaxExtensions   = 8         // entries of one extension map
	MaxExtBytes     = 1 << 10   // bytes of one extension value
	MaxFindLimit    = 64        // offers in one index answer
	MaxCloserPeers  = 20        // closer peers in one index answer
	MaxExcluded     = 8         // clauses in one tally
	MaxTallyName    = 64        // bytes of a name in it
	MaxTallied      = 1 << 30   // the most that a tally counts
	MaxDemand       = 128       // filters that an index node counts per cell
	MaxSkipped      = 32        // skip counts in one index answer
	MaxIndexFrame   = 128 << 10 // bytes of one framed index message
	MaxMemoryBytes  = 4 << 30   // bytes of memory a wasm job may ask for
	MaxStdoutBytes  = 64 << 20  // bytes of stdout and stderr of one job
	MaxOutputBytes  = 1 << 30   // bytes of output files of one job
	MaxInputBytes   = 4 << 30   // bytes of one input
	MaxModuleBytes  = 64 << 20  // bytes of one wasm module
	MaxImageBytes   = 64 << 30  // bytes of one container's image layout
	MaxImageFiles   = 4096      // files and directories of one image layout
	MaxModelBytes   = 64 << 30  // bytes of one model's file
	MaxHeldBytes    = 1 << 40   // bytes of memory a container or a model may ask for
	MaxOutputFiles  = 1024      // output files of one job
	MaxTickUnits    = 1 << 40   // units in one tick
	MaxRunTime      = 24 * time.Hour
	MaxOfferLife    = 30 * time.Minute // from issued to expires
	TallyKept       = 4 * time.Hour    // how long an index node counts a request
	MaxClockSkew    = 2 * time.Minute  // an offer may be issued this far in our future
	MaxQuoteLife    = 10 * time.Minute // from quotedAt to acceptBy
	MaxReceiptCount = 1 << 20          // receipts of one job
	MinCheckpoint   = time.Second      // between looks for a checkpoint

	PromptTokensPerUnit = 8 // tokens of a prompt that cost what one token of an answer does (SPEC §5.4)
)

// Timeouts of the lifecycle (SPEC §6.4). The state machine reads them from here
// so that both sides and every test use the same ones.
const (
	QuoteLife    = 2 * time.Minute  // a quote binds the rig this long
	AcceptWait   = 30 * time.Second // rig's answer to an accept
	FundingWait  = 2 * time.Minute  // rig waits for the channel to show on chain
	QueueWait    = 10 * time.Minute // a job waits for a free slot
	StagingWait  = 10 * time.Minute // inputs are fetched
	PaymentGrace = 10 * time.Second // a paused rig waits for the voucher
	SilenceWait  = 45 * time.Second // requester gives up on a rig that says nothing
	Heartbeat    = 10 * time.Second // rig says where the job stands at least this often
	SettleWait   = 30 * time.Second // requester waits for the rig's Settled
)
