package plugin

// What a live channel shows now: the last snapshot with every delta laid over it. Kept so that whoever joins a running channel gets a
// whole frame; Grafana itself keeps nothing. Values are never decoded.

import (
	"encoding/json"
	"fmt"
	"slices"
)

// liveMeta is the part of a message's meta that is used here; the rest is handed on with it.
type liveMeta struct {
	FromMs      int64  `json:"fromMs"`
	BucketMs    int64  `json:"bucketMs"`
	PartialFrom *int64 `json:"partialFrom"`
	Complete    bool   `json:"complete"`
	Reason      string `json:"reason"`
}

type liveFrame struct {
	schema  map[string]json.RawMessage
	columns [][]json.RawMessage
	// times of the rows, ascending; only where rows have a time of their own.
	times []int64
	meta  liveMeta
}

type wireFrame struct {
	Schema map[string]json.RawMessage `json:"schema,omitempty"`
	Data   struct {
		Values [][]json.RawMessage `json:"values"`
	} `json:"data"`
}

func newLiveFrame(sent wireFrame, meta liveMeta) (*liveFrame, error) {
	frame := &liveFrame{schema: sent.Schema, columns: sent.Data.Values, meta: meta}
	if sent.Schema == nil {
		return nil, fmt.Errorf("a snapshot has no schema")
	}
	var err error
	frame.times, err = rowTimes(sent.Data.Values, meta)
	return frame, err
}

// apply lays changed rows over the known ones and drops what the span has left behind.
func (f *liveFrame) apply(changed [][]json.RawMessage, meta liveMeta) error {
	times, err := rowTimes(changed, meta)
	if err != nil {
		return err
	}
	if len(changed) != len(f.columns) && len(times) > 0 {
		return fmt.Errorf("a delta has %d columns, the snapshot before it %d", len(changed), len(f.columns))
	}
	for row, time := range times {
		at, found := slices.BinarySearch(f.times, time)
		if !found {
			f.times = slices.Insert(f.times, at, time)
		}
		for column := range f.columns {
			if found {
				f.columns[column][at] = changed[column][row]
			} else {
				f.columns[column] = slices.Insert(f.columns[column], at, changed[column][row])
			}
		}
	}
	gone, _ := slices.BinarySearch(f.times, meta.FromMs)
	f.times = slices.Delete(f.times, 0, gone)
	for column := range f.columns {
		f.columns[column] = slices.Delete(f.columns[column], 0, min(gone, len(f.columns[column])))
	}
	f.meta = meta
	return nil
}

// rowTimes reads the first column. @returns nil where rows have no time; every message is a snapshot then.
func rowTimes(columns [][]json.RawMessage, meta liveMeta) ([]int64, error) {
	for _, column := range columns {
		if len(column) != len(columns[0]) {
			return nil, fmt.Errorf("a frame has columns of %d and of %d rows", len(columns[0]), len(column))
		}
	}
	if meta.BucketMs == 0 || len(columns) == 0 {
		return nil, nil
	}
	times := make([]int64, len(columns[0]))
	for row, value := range columns[0] {
		if err := json.Unmarshal(value, &times[row]); err != nil {
			return nil, fmt.Errorf("the time %.40s is none", value)
		}
		if row > 0 && times[row] <= times[row-1] {
			return nil, fmt.Errorf("the times are not ascending")
		}
	}
	return times, nil
}

// schemaWith is the schema as of the last message: where the unfinished bucket starts, and what is wrong, if anything is.
func (f *liveFrame) schemaWith(trouble *problem) (map[string]json.RawMessage, error) {
	schema, meta, custom := map[string]json.RawMessage{}, map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, value := range f.schema {
		schema[name] = value
	}
	if given := schema["meta"]; given != nil {
		if err := json.Unmarshal(given, &meta); err != nil {
			return nil, err
		}
	}
	if given := meta["custom"]; given != nil {
		if err := json.Unmarshal(given, &custom); err != nil {
			return nil, err
		}
	}
	put := func(into map[string]json.RawMessage, name string, value any) {
		// None of these values can fail to encode.
		into[name], _ = json.Marshal(value)
	}
	put(custom, "partialFrom", f.meta.PartialFrom)
	if trouble != nil {
		put(custom, "error", trouble)
		put(meta, "notices", []map[string]string{{"severity": "error", "text": (&upstreamError{problem: *trouble}).Error()}})
	}
	put(meta, "custom", custom)
	put(schema, "meta", meta)
	return schema, nil
}

// packet is what goes to Grafana: with the schema, or only the rows.
func packet(schema map[string]json.RawMessage, columns [][]json.RawMessage) ([]byte, error) {
	frame := wireFrame{Schema: schema}
	frame.Data.Values = columns
	if columns == nil {
		frame.Data.Values = [][]json.RawMessage{}
	}
	return json.Marshal(frame)
}

// noRows has as many columns as the frame, all empty: what Grafana keeps stays as it is.
func noRows(columns [][]json.RawMessage) [][]json.RawMessage {
	empty := make([][]json.RawMessage, len(columns))
	for column := range empty {
		empty[column] = []json.RawMessage{}
	}
	return empty
}
