// Command goclient drives a gateway with OpenAI's own package for Go and prints a line for each
// thing that works. GATEWAY is where it answers, MODE is "real" or "scripted". It is a module
// of its own: the package is large, and only `make interop` needs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"
)

const greedy = " available at the mailer, which is" // the model's twelve tokens behind "A hacker is"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a := &api{openai.NewClient(option.WithBaseURL(os.Getenv("GATEWAY")+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))}
	checks := []check{{"chat", a.chat}, {"stream", a.stream}, {"embeddings", a.embeddings}, {"batches", a.batches}, {"errors", a.errors}}
	if os.Getenv("MODE") == "scripted" {
		checks = []check{{"tools", a.tools}, {"broken stream", a.broken}, {"busy", a.busy}}
	}
	code := 0
	for _, c := range checks {
		if err := c.run(ctx); err != nil {
			fmt.Printf("not ok openai-go@v1.12.0 %s: %v\n", c.name, err)
			code = 1
			continue
		}
		fmt.Printf("ok openai-go@v1.12.0 %s\n", c.name)
	}
	os.Exit(code)
}

type check struct {
	name string
	run  func(context.Context) error
}

type api struct{ openai.Client }

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: "jargon", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

func hacker() openai.ChatCompletionNewParams {
	q := question("A hacker is")
	q.Temperature, q.MaxTokens = openai.Float(0), openai.Int(12)
	return q
}

func (a *api) chat(ctx context.Context) error {
	r, err := a.Chat.Completions.New(ctx, hacker())
	if err != nil || r.Usage.CompletionTokens != 12 || r.Choices[0].Message.Content == "" {
		return fmt.Errorf("%+v, %w", r, err)
	}
	return nil
}

func (a *api) stream(ctx context.Context) error {
	whole, err := a.Chat.Completions.New(ctx, hacker())
	if err != nil {
		return err
	}
	stream := a.Chat.Completions.NewStreaming(ctx, hacker())
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		if !sum.AddChunk(stream.Current()) {
			return fmt.Errorf("a chunk does not fit: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil || sum.Choices[0].Message.Content != whole.Choices[0].Message.Content {
		return fmt.Errorf("%+v, %w", sum.Choices, err)
	}
	return nil
}

func (a *api) embeddings(ctx context.Context) error {
	r, err := a.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "jargon", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}}})
	if err != nil || len(r.Data) != 2 || len(r.Data[0].Embedding) == 0 {
		return fmt.Errorf("%+v, %w", r, err)
	}
	return nil
}

func (a *api) batches(ctx context.Context) error {
	var lines strings.Builder
	for i := range 4 {
		fmt.Fprintf(&lines, `{"custom_id":"n%d","method":"POST","url":"/v1/completions","body":{"model":"jargon","prompt":"A hacker is","temperature":0,"max_tokens":12}}`+"\n", i)
	}
	f, err := a.Files.New(ctx, openai.FileNewParams{File: openai.File(strings.NewReader(lines.String()), "requests.jsonl", "application/jsonl"), Purpose: openai.FilePurposeBatch})
	if err != nil {
		return err
	}
	b, err := a.Batches.New(ctx, openai.BatchNewParams{InputFileID: f.ID, Endpoint: openai.BatchNewParamsEndpointV1Completions,
		CompletionWindow: openai.BatchNewParamsCompletionWindow24h})
	for err == nil && b.Status != openai.BatchStatusCompleted {
		time.Sleep(100 * time.Millisecond)
		b, err = a.Batches.Get(ctx, b.ID)
	}
	if err != nil {
		return err
	}
	res, err := a.Files.Content(ctx, b.OutputFileID)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || b.RequestCounts.Completed != 4 || strings.Count(string(raw), greedy) != 4 {
		return fmt.Errorf("%+v %s, %w", b.RequestCounts, raw, err)
	}
	return nil
}

func (a *api) errors(ctx context.Context) error {
	q := hacker()
	q.Model = "gpt-9"
	_, err := a.Chat.Completions.New(ctx, q)
	return is(err, http.StatusNotFound, "model_not_found")
}

// is wants an error of the API with a status and a code.
func is(err error, status int, code string) error {
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != status || e.Code != code {
		return fmt.Errorf("want %d %s, got %w", status, code, err)
	}
	return nil
}

func (a *api) tools(ctx context.Context) error {
	q := question("tools")
	q.Tools = []openai.ChatCompletionToolParam{{Function: openai.FunctionDefinitionParam{Name: "weather"}}}
	r, err := a.Chat.Completions.New(ctx, q)
	if err != nil || len(r.Choices[0].Message.ToolCalls) != 1 || r.Choices[0].Message.ToolCalls[0].Function.Arguments != `{"city":"Oslo"}` {
		return fmt.Errorf("%+v, %w", r, err)
	}
	return nil
}

func (a *api) broken(ctx context.Context) error {
	stream := a.Chat.Completions.NewStreaming(ctx, question("broken"))
	said := ""
	for stream.Next() {
		if c := stream.Current().Choices; len(c) > 0 {
			said += c[0].Delta.Content
		}
	}
	if err := stream.Err(); err == nil || said != "one " {
		return fmt.Errorf("it says %q, %w", said, err)
	}
	return nil
}

func (a *api) busy(ctx context.Context) error {
	_, err := a.Chat.Completions.New(ctx, question("busy"))
	return is(err, http.StatusTooManyRequests, "rate_limit_exceeded")
}
