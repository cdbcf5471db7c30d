package runner

// Usage is what a job has used so far.
type Usage struct {
	// CPUMillis is CPU time since the job's program began, in milliseconds, rounded
	// up. Starting the sandbox and loading the program are not in it.
	CPUMillis uint64
	// PeakMemoryBytes is the most memory that the job has held, as its engine counts.
	PeakMemoryBytes uint64
}

// Result is how a job ended.
type Result struct {
	// ExitCode is the program's own, when Failure is nil or FailureMemory; 128 and a
	// signal's number where that ended it.
	ExitCode int
	Usage    Usage
	// Failure is nil when the program ended by itself, whatever its exit code.
	Failure *Failure
}

// FailureKind says why a job did not end by itself.
type FailureKind string

// The ways in which a job fails. All but the last two are the job's own doing.
const (
	FailureTrap      FailureKind = "trap"       // unreachable, out of bounds, stack overflow …
	FailureDeadline  FailureKind = "deadline"   // ran past Spec.Deadline
	FailureMemory    FailureKind = "memory"     // failed after it was refused memory
	FailureStdout    FailureKind = "stdout"     // over Spec.StdoutBytes
	FailureOutput    FailureKind = "output"     // over Spec.OutputBytes or OutputFiles
	FailureBadModule FailureKind = "bad-module" // not a program that this engine runs
	FailureKilled    FailureKind = "killed"     // Stop, or its consumer or the runner ended
	FailureInternal  FailureKind = "internal"   // the sandbox itself failed
)

// Failure is a job's failure. Start returns one for a bad program; every other
// is in a Result.
type Failure struct {
	Kind FailureKind
	// Detail names what happened and the limit that was passed.
	Detail string
}

// Error is the kind and the detail.
func (f *Failure) Error() string { return string(f.Kind) + ": " + f.Detail }
