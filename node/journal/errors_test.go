package journal

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// What the books refuse is the caller's fault; that they cannot be written is not.
func TestRefused(t *testing.T) {
	for _, err := range []error{ErrNotFound, ErrClosing, ErrDomain, ErrEnded, ErrNoReservation, ErrOtherChannel, ErrLowerTotal,
		ErrLowerVoucher, ErrUncovered, &InsufficientError{}, &OverBudgetError{}, &EpochError{}, &protocol.FieldError{}} {
		if !Refused(fmt.Errorf("job: %w", err)) {
			t.Errorf("%v is not a refusal", err)
		}
	}
	for _, err := range []error{nil, ErrClosed, ErrFull, fmt.Errorf("%w: job record: %w", ErrDamaged, &protocol.FieldError{}),
		context.Canceled, errors.New("disk I/O error")} {
		if Refused(err) {
			t.Errorf("%v is a refusal", err)
		}
	}
}
