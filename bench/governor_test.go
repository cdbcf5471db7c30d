package main

import (
	"strings"
	"testing"
)

// TestYearIsShapedLikeTheSources holds the generated prices to the published figures.
func TestYearIsShapedLikeTheSources(t *testing.T) {
	for _, seed := range yearSeeds {
		sum, negative, dear := 0.0, 0, 0
		hours := year(seed, &yearCards[0])
		for i := 0; i < len(hours); i += 12 {
			price := float64(hours[i].kwh-gridKWh) / 1000
			sum += price
			if price < 0 {
				negative++
			}
			if price > 300 {
				dear++
			}
		}
		mean := sum / float64(len(hours)/12)
		t.Logf("seed %d: %.1f a megawatt-hour, %d hours below zero, %d above 300", seed, mean, negative, dear)
		if mean < 65 || mean > 95 || negative < 200 || negative > 800 || dear > 120 {
			t.Errorf("seed %d: %.1f a megawatt-hour, %d hours below zero, %d above 300; 79.6, 459 and some dozen are published", seed, mean, negative, dear)
		}
	}
}

// TestGovernorBeatsEveryFixedPolicy, in every year, for every card.
func TestGovernorBeatsEveryFixedPolicy(t *testing.T) {
	for _, seed := range yearSeeds {
		for i := range yearCards {
			hours := year(seed, &yearCards[i])
			governed := play(governs, &yearCards[i], hours)
			for _, p := range []yearPolicy{alwaysAI, alwaysMine, alwaysOn} {
				fixed := play(p, &yearCards[i], hours)
				t.Logf("seed %d, %s: governor %d (%.0f h jobs, %.0f h mining), %s %d (%.0f h jobs)", seed, yearCards[i].name, governed.net(),
					governed.jobHours, governed.mineHours, yearPolicies[p], fixed.net(), fixed.jobHours)
				if governed.net() <= fixed.net() {
					t.Errorf("seed %d, %s: the governor nets %d, %q %d", seed, yearCards[i].name, governed.net(), yearPolicies[p], fixed.net())
				}
			}
		}
	}
	if again := play(governs, &yearCards[0], year(1, &yearCards[0])); again != play(governs, &yearCards[0], year(1, &yearCards[0])) {
		t.Error("the same seed makes another year")
	}
	r := results{"year_governor_net": 1.5, "year_governor_jobs": 2}
	if text := r.governor(); !strings.Contains(text, "| governor | 2.00 | 0.00 | 0.00 | 1.50 |") {
		t.Errorf("the table is %s", text)
	}
}
