package serve

import (
	"context"
	"errors"
	"sync"

	"github.com/rerig/rerig/engine/ask"
	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/sampler"
)

// job is what a request asks to be generated: n continuations of each prompt.
type job struct {
	prompts  [][]int
	n        int
	max      int // tokens of each; 0 for what the context leaves
	options  sampler.Options
	stop     []string
	logProbs int   // -1 for none
	made     []int // of the answer, by another server
	param    string
}

// choices are the streams of a job, by choice. Close frees those that have not
// ended.
type choices []*batch.Stream

// start queues every choice, or none.
func (s *server) start(ctx context.Context, j job) (choices, error) {
	work := ask.From(ctx)
	if total, limit := len(j.prompts)*j.n, s.config.MaxBatch+s.config.Queue; total > limit {
		return nil, bad(j.param, "%d texts in one request, this server takes %d at once; send fewer", total, limit)
	}
	longest := s.config.Context
	if j.max > 0 {
		longest = min(longest, j.max)
	}
	if listed := len(j.prompts) * j.n * longest * (j.logProbs + 1); listed > maxListed {
		return nil, bad("logprobs", "the answers may have %d probabilities, the limit is %d; ask for fewer of them, of answers or of tokens", listed, maxListed)
	}
	var c choices
	for _, prompt := range j.prompts {
		if len(prompt) == 0 {
			c.Close()
			return nil, bad(j.param, "the prompt is empty")
		}
		for i := range j.n {
			r := batch.Request{Prompt: prompt, Max: j.max, Sampling: j.options, Stop: j.stop, LogProbs: j.logProbs, Made: j.made}
			if r.Max == 0 {
				r.Max = s.config.Context
			}
			r.Sampling.Seed += uint64(i)
			r.Owner, r.Progress = work.Owner(), spending(work, i == 0)
			stream, err := s.batcher.Submit(r)
			var long *batch.LengthError
			if errors.As(err, &long) {
				err = &apiError{param: j.param, code: "context_length_exceeded", message: long.Error()}
			}
			if err != nil {
				c.Close()
				return nil, err
			}
			work.Part(stream)
			c = append(c, stream)
		}
	}
	return c, nil
}

// spending tells a request's sender what one of its texts costs. A prompt counts once, as in
// usage, whatever the number of answers.
func spending(work *ask.Work, prompt bool) func(read, made int) {
	if work == nil {
		return nil
	}
	var lastRead, lastMade int // touched by the batcher alone
	return func(read, made int) {
		if !prompt {
			read = 0
		}
		work.Spend(read-lastRead, made-lastMade)
		lastRead, lastMade = read, made
	}
}

// Close gives up what has not ended.
func (c choices) Close() {
	for _, stream := range c {
		stream.Close()
	}
}

// event is a token of a choice, or its end.
type event struct {
	choice int
	token  batch.Token
	finish batch.Finish // "" before the end
}

// each calls see for every event of every choice as it happens, from one goroutine
// at a time, until all choices have ended or one fails.
func (c choices) each(ctx context.Context, see func(event) error) error {
	if len(c) == 1 {
		return follow(ctx, 0, c[0], see)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readers sync.WaitGroup
	var turn sync.Mutex // one call of see at a time
	var failed error    // guarded by turn
	for i, stream := range c {
		readers.Go(func() {
			err := follow(ctx, i, stream, func(e event) error {
				turn.Lock()
				defer turn.Unlock()
				return see(e)
			})
			turn.Lock()
			defer turn.Unlock()
			if err != nil && failed == nil {
				failed = err
				cancel()
			}
		})
	}
	readers.Wait()
	return failed
}

// follow reads one stream to its end.
func follow(ctx context.Context, choice int, stream *batch.Stream, see func(event) error) error {
	for {
		token, ok, err := stream.Next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return see(event{choice: choice, finish: stream.Finish()})
		}
		if err := see(event{choice: choice, token: token}); err != nil {
			return err
		}
	}
}

// usage is the API's count of tokens.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// newUsage counts the prompts, each once.
func newUsage(j job) *usage {
	u := &usage{}
	for _, prompt := range j.prompts {
		u.Prompt += len(prompt) + len(j.made)
	}
	u.Total = u.Prompt
	return u
}

// see counts a token.
func (u *usage) see(e event) {
	if e.finish == "" && e.token.ID >= 0 {
		u.Completion++
		u.Total++
	}
}

// reused counts what an earlier text had of the prompts, once their streams have
// begun.
func (u *usage) reused(c choices, n int) {
	for i := 0; i < len(c); i += n {
		u.Details.Cached += c[i].Reused()
	}
}
