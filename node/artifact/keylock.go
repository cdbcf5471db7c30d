package artifact

import (
	"context"
	"sync"
)

// keyLocks lets one caller at a time work on a key; the zero value is ready.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]*keyLock
}

// keyLock is a semaphore with the number of callers that hold or await it.
type keyLock struct {
	sem   chan struct{}
	users int
}

// lock waits for the key. The returned function must be called once.
func (k *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*keyLock{}
	}
	l := k.held[key]
	if l == nil {
		l = &keyLock{sem: make(chan struct{}, 1)}
		k.held[key] = l
	}
	l.users++
	k.mu.Unlock()
	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, key)
		}
	}
	select {
	case l.sem <- struct{}{}:
		return func() { <-l.sem; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
