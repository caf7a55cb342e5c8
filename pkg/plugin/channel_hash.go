package plugin

// A channel's path is the hash of its data, so that nobody can put another query on the channel that others listen to. The same as
// `channelAddress` in src/datasource/live-channel.ts; the two are held together by a test with the same examples.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

// stableJSON is the same text for the same value: keys in order, no spaces. Numbers and strings stay as they are written.
func stableJSON(raw json.RawMessage) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) > 0 && raw[0] == '{':
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return nil, err
		}
		parts := make([][]byte, 0, len(fields))
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			key, err := json.Marshal(name)
			if err != nil {
				return nil, err
			}
			value, err := stableJSON(fields[name])
			if err != nil {
				return nil, err
			}
			parts = append(parts, slices.Concat(key, []byte(":"), value))
		}
		return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}")), nil
	case len(raw) > 0 && raw[0] == '[':
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, err
		}
		parts := make([][]byte, len(items))
		for index, item := range items {
			var err error
			if parts[index], err = stableJSON(item); err != nil {
				return nil, err
			}
		}
		return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]")), nil
	default:
		return raw, nil
	}
}

// channelHash is FNV-1a of 64 bits over the text forwards, then over it backwards, in hex.
func channelHash(text []byte) string {
	forwards, backwards := fnv.New64a(), fnv.New64a()
	forwards.Write(text)
	reversed := slices.Clone(text)
	slices.Reverse(reversed)
	backwards.Write(reversed)
	return fmt.Sprintf("%016x%016x", forwards.Sum64(), backwards.Sum64())
}
