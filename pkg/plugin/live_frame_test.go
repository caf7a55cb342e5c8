package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func wire(t *testing.T, text string) wireFrame {
	t.Helper()
	var frame wireFrame
	if err := json.Unmarshal([]byte(text), &frame); err != nil {
		t.Fatal(err)
	}
	return frame
}

func column(values ...int) []json.RawMessage {
	var raw []json.RawMessage
	for _, value := range values {
		raw = append(raw, json.RawMessage(fmt.Sprint(value)))
	}
	return raw
}

// A map by time is what the packed columns have to be equal to, whatever comes in whatever order.
func TestDeltasReplaceByTimeAndTheSpanMovesOn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		frame := &liveFrame{schema: map[string]json.RawMessage{"fields": nil}, columns: [][]json.RawMessage{{}, {}}, meta: liveMeta{BucketMs: 10}}
		plain, from := map[int]int{}, 0
		for step := range 20 {
			changed := map[int]int{}
			for range random.IntN(6) {
				changed[(from/10+random.IntN(30))*10] = step
			}
			from += random.IntN(4) * 10
			times := slices.Sorted(maps.Keys(changed))
			values := []int{}
			for _, time := range times {
				values = append(values, changed[time])
				plain[time] = changed[time]
			}
			maps.DeleteFunc(plain, func(time, _ int) bool { return time < from })
			if err := frame.apply([][]json.RawMessage{column(times...), column(values...)}, liveMeta{BucketMs: 10, FromMs: int64(from)}); err != nil {
				t.Fatal(err)
			}
		}
		expected := slices.Sorted(maps.Keys(plain))
		if len(frame.times) != len(expected) || len(frame.columns[0]) != len(expected) || len(frame.columns[1]) != len(expected) {
			t.Fatalf("round %d: %v, expected %v", round, frame.times, expected)
		}
		for row, time := range expected {
			if frame.times[row] != int64(time) || string(frame.columns[0][row]) != fmt.Sprint(time) || string(frame.columns[1][row]) != fmt.Sprint(plain[time]) {
				t.Fatalf("round %d, row %d: %v %s %s, expected %d %d", round, row, frame.times[row], frame.columns[0][row], frame.columns[1][row], time, plain[time])
			}
		}
	}
}

func TestWhatCannotBePutTogetherIsRefused(t *testing.T) {
	timed := liveMeta{BucketMs: 10}
	whole := `{"schema":{"fields":[]},"data":{"values":[[10,20],[1,2]]}}`
	for name, text := range map[string]string{
		"no schema": `{"data":{"values":[]}}`, "unequal columns": `{"schema":{},"data":{"values":[[10,20],[1]]}}`,
		"times in disorder": `{"schema":{},"data":{"values":[[20,10],[1,2]]}}`, "a time that is none": `{"schema":{},"data":{"values":[["x"],[1]]}}`,
	} {
		if _, err := newLiveFrame(wire(t, text), timed); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	frame, err := newLiveFrame(wire(t, whole), timed)
	if err != nil {
		t.Fatal(err)
	}
	if err := frame.apply([][]json.RawMessage{column(30), column(1), column(1)}, timed); err == nil {
		t.Error("a delta of more columns is taken")
	}
	if err := frame.apply(nil, timed); err != nil {
		t.Errorf("a delta without rows: %v", err)
	}
}
