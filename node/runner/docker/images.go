package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// maxSkeletons is how many skeletons are kept in the engine. Each is as large as its
// root's /etc.
const maxSkeletons = 32

// images keeps skeletons as images in the engine, the least lately used leaving first.
type images struct {
	api      *client.Client
	owner    string
	patience *patience // the Engine's

	importing sync.Mutex // one import at a time

	mu   sync.Mutex // guards used
	used map[string]time.Time
}

// touch notes that an image is used now.
func (m *images) touch(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.used) > 4*maxSkeletons { // forgotten ones count by their age in the engine
		clear(m.used)
	}
	m.used[name] = time.Now()
}

// add imports a skeleton, and removes the images for which there is no room.
func (m *images) add(ctx context.Context, s *skeleton) error {
	m.importing.Lock()
	defer m.importing.Unlock()
	if err := m.makeRoom(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.patience.load)
	defer cancel()
	answer, err := m.api.ImageImport(ctx,
		client.ImageImportSource{Source: bytes.NewReader(s.tar), SourceName: "-"}, s.name,
		client.ImageImportOptions{Changes: []string{"LABEL " + skeletonLabel + "=" + m.owner}})
	if err != nil {
		return fmt.Errorf("import the container's skeleton: %w", err)
	}
	defer answer.Close()
	if err := importOutcome(answer); err != nil {
		return fmt.Errorf("import the container's skeleton: %w", err)
	}
	return nil
}

// importOutcome reads an import's progress: the engine tells of errors in it, after it has
// said that all is well.
func importOutcome(r io.Reader) error {
	dec := json.NewDecoder(io.LimitReader(r, 1<<20))
	for {
		var line struct {
			Error string `json:"error"`
		}
		err := dec.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read Docker's answer: %w", err)
		case line.Error != "":
			return fmt.Errorf("Docker says %.200q", line.Error)
		}
	}
}

// makeRoom removes images until one more fits. Those that containers use stay.
func (m *images) makeRoom(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.patience.start)
	defer cancel()
	list, err := m.api.ImageList(ctx, client.ImageListOptions{
		Filters: client.Filters{}.Add("label", skeletonLabel+"="+m.owner)})
	if err != nil {
		return fmt.Errorf("list the skeletons: %w", err)
	}
	type image struct {
		name string
		last time.Time
	}
	var have []image
	m.mu.Lock()
	for _, i := range list.Items {
		if i.Labels[skeletonLabel] != m.owner || len(i.RepoTags) != 1 {
			continue // not ours, or one that somebody named
		}
		last, ok := m.used[i.RepoTags[0]]
		if !ok {
			last = time.Unix(i.Created, 0)
		}
		have = append(have, image{i.RepoTags[0], last})
	}
	m.mu.Unlock()
	slices.SortFunc(have, func(a, b image) int { return a.last.Compare(b.last) })
	for len(have) >= maxSkeletons {
		_, err := m.api.ImageRemove(ctx, have[0].name, client.ImageRemoveOptions{})
		if err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove a skeleton: %w", err)
		}
		have = have[1:]
	}
	return nil
}
