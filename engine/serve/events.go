package serve

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
)

// writeTimeout is how long a client may take to accept one event.
const writeTimeout = 30 * time.Second

// events writes a stream of server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// newEvents begins the stream.
func newEvents(w http.ResponseWriter) *events {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return &events{w, http.NewResponseController(w)}
}

// send writes one event. An error means that the client is gone.
func (e *events) send(v any) error {
	var line bytes.Buffer
	line.WriteString("data: ")
	if err := json.NewEncoder(&line).Encode(v); err != nil {
		return err
	}
	line.WriteByte('\n')
	return e.write(line.Bytes())
}

// done writes the end of the stream.
func (e *events) done() error { return e.write([]byte("data: [DONE]\n\n")) }

func (e *events) write(p []byte) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := e.w.Write(p); err != nil {
		return err
	}
	return e.control.Flush()
}

// newID makes an identifier that nothing else has.
func newID(prefix string) string { return prefix + rand.Text() }
