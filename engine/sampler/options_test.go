package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestMinPLeavesOutTheUnlikely(t *testing.T) {
	logits := []float32{0, 2, 1.9, -1} // e^-2, 1, 0.9 and e^-3 of the best
	for _, token := range picks(t, Options{Temp: 1, TopP: 1, MinP: 0.2, Seed: 1}, logits, 300) {
		if token != 1 && token != 2 {
			t.Fatalf("token %d was picked, which is less likely than a fifth of the best", token)
		}
	}
}

// TestTopKOfManyEqualsSorting compares the selection by insertion with a full sort.
func TestTopKOfManyEqualsSorting(t *testing.T) {
	logits := make([]float32, 5000)
	for i := range logits {
		logits[i] = float32(math.Sin(float64(i)*1.7)) * 3 // with near and equal ones
		if i%10 == 0 {
			logits[i] = 2.5
		}
	}
	s, err := New(Options{Temp: 1, TopK: 40, TopP: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.gather(logits, slices.Max(logits))
	inserted := slices.Clone(s.order)
	s.TopK = 0
	s.gather(logits, slices.Max(logits))
	if !slices.Equal(inserted, s.order[:40]) {
		t.Errorf("insertion keeps %v, sorting %v", inserted, s.order[:40])
	}
}

func TestPenaltiesTurnAwayFromWhatWasSaid(t *testing.T) {
	logits := []float32{1, 3, 2.9, -1}
	for name, o := range map[string]Options{
		"repeat": {TopP: 1, Repeat: 1.5}, "frequency": {TopP: 1, Frequency: 0.5}, "presence": {TopP: 1, Presence: 0.5},
	} {
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		first := s.Pick(logits)
		s.Accept(first)
		if second := s.Pick(logits); first != 1 || second != 2 {
			t.Errorf("%s: picked %d and then %d, want 1 and then 2", name, first, second)
		}
		for range Window {
			s.Accept(0)
		}
		if again := s.Pick(logits); again != 1 {
			t.Errorf("%s: picked %d, want 1 again when the window has passed it", name, again)
		}
	}
}

func TestLogProbsAreLogarithmsOfTheSoftmax(t *testing.T) {
	logits := []float32{0, float32(math.Log(2)), float32(math.Log(5))}
	chosen, top := LogProbs(logits, 0, 2)
	if math.Abs(chosen.Value-math.Log(1.0/8)) > 1e-6 || chosen.Token != 0 {
		t.Errorf("the chosen one is %+v, want log 1/8", chosen)
	}
	if len(top) != 2 || top[0].Token != 2 || math.Abs(top[0].Value-math.Log(5.0/8)) > 1e-6 || top[1].Token != 1 {
		t.Errorf("the best are %+v", top)
	}
	if _, none := LogProbs(logits, 1, 0); len(none) != 0 {
		t.Errorf("no alternatives are %v", none)
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	for want, o := range map[string]Options{
		"temp NaN":            {Temp: math.NaN(), TopP: 1},
		"top-k -1":            {TopK: -1, TopP: 1},
		"top-p 0":             {},
		"min-p 2":             {TopP: 1, MinP: 2},
		"frequency penalty 3": {TopP: 1, Frequency: 3},
		"presence penalty -3": {TopP: 1, Presence: -3},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
