package jobfile

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxTasks is how many tasks one file or command may make.
const MaxTasks = 10_000

// Axis is a name and the values that tasks have for it.
type Axis struct {
	Key    string
	Values []string
}

// Tasks are the values of each task, in order: an array's index runs fastest. Index
// counts them all. Without an array and axes there is one task.
func Tasks(array int, axes []Axis) ([]Values, error) {
	n := max(array, 1)
	for _, a := range axes {
		if len(a.Values) == 0 {
			return nil, fmt.Errorf("matrix: %s has no values", a.Key)
		}
		if n *= len(a.Values); n > MaxTasks {
			return nil, fmt.Errorf("matrix and array make more than %d tasks", MaxTasks)
		}
	}
	if n > MaxTasks {
		return nil, fmt.Errorf("array: at most %d tasks, got %d", MaxTasks, n)
	}
	tasks := make([]Values, n)
	for i := range tasks {
		v := Values{"index": strconv.Itoa(i), "count": strconv.Itoa(n)}
		rest := i / max(array, 1)
		for k := len(axes) - 1; k >= 0; k-- {
			v[axes[k].Key] = axes[k].Values[rest%len(axes[k].Values)]
			rest /= len(axes[k].Values)
		}
		tasks[i] = v
	}
	return tasks, nil
}

// Values are what stands for {index}, {count} and the keys of a matrix in one task.
type Values map[string]string

// Fill puts the values in. Other braces stay as they are, so that JSON in an argument
// needs no escapes.
func (v Values) Fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	pairs := make([]string, 0, 2*len(v))
	for key, value := range v {
		pairs = append(pairs, "{"+key+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// ParseAxis reads KEY=a,b,c.
func ParseAxis(text string) (Axis, error) {
	key, list, ok := strings.Cut(text, "=")
	if !ok || list == "" || !validKey(key) {
		return Axis{}, fmt.Errorf("KEY=VALUE,VALUE… with a key of a-z, 0-9 and _ that is not index or count, got %q", text)
	}
	return Axis{Key: key, Values: strings.Split(list, ",")}, nil
}

func validKey(key string) bool {
	return key != "index" && key != "count" && key != "" && key[0] >= 'a' && key[0] <= 'z' &&
		strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
