package plugin

// Server-sent events, as the aggregator writes them (https://html.spec.whatwg.org/multipage/server-sent-events.html).

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// event is one message: its name (empty: 'message'), its data with lines joined, and the last id that was seen.
type event struct {
	name string
	data []byte
	id   string
}

type eventReader struct {
	lines *bufio.Reader
	id    string
	// maxBytes of one event.
	maxBytes int
}

func newEventReader(from io.Reader, maxBytes int) *eventReader {
	return &eventReader{lines: bufio.NewReaderSize(from, 64<<10), maxBytes: maxBytes}
}

// next waits for an event or a comment; of a comment both name and data are empty. io.EOF: the stream has ended.
func (r *eventReader) next() (event, error) {
	var result event
	size, hasData := 0, false
	for {
		line, err := r.line(r.maxBytes - size)
		if err != nil {
			return event{}, err
		}
		size += len(line)
		if len(line) == 0 {
			if hasData || result.name == "" {
				result.id = r.id
				return result, nil
			}
			result = event{}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			result.name = string(value)
		case "data":
			if hasData {
				result.data = append(result.data, '\n')
			}
			result.data, hasData = append(result.data, value...), true
		case "id":
			if !bytes.ContainsRune(value, 0) {
				r.id = string(value)
			}
		}
	}
}

// line is the next line without its end. A line that breaks off at the end of the stream is none.
func (r *eventReader) line(limit int) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		if len(whole)+len(part) > limit {
			return nil, errTooLarge
		}
		whole = append(whole, part...)
		if err == nil {
			return bytes.TrimSuffix(bytes.TrimSuffix(whole, []byte("\n")), []byte("\r")), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}
