package plugin

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEventsAreReadWhateverTheirLinesAreCutInto(t *testing.T) {
	text := "retry: 2000\n\n: a comment\n\nevent: snapshot\nid: 7\ndata: {\"a\":1}\n\nevent:delta\r\ndata:one\r\ndata: two\r\n\r\nid: 8\ndata\n\nevent: lost\n\n" +
		"data: " + strings.Repeat("x", 100_000) + "\n\nevent: cut\ndata: off"
	expected := []event{{}, {}, {"snapshot", []byte(`{"a":1}`), "7"}, {"delta", []byte("one\ntwo"), "7"}, {"", []byte(""), "8"}, {"", []byte(strings.Repeat("x", 100_000)), "8"}}
	for name, from := range map[string]io.Reader{
		"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)), "in halves": iotest.HalfReader(strings.NewReader(text)),
	} {
		t.Run(name, func(t *testing.T) {
			reader := newEventReader(from, 1<<20)
			for at, want := range expected {
				got, err := reader.next()
				if err != nil || got.name != want.name || string(got.data) != string(want.data) || (want.id != "" && got.id != want.id) {
					t.Fatalf("event %d: %v %q %.60q %q", at, err, got.name, got.data, got.id)
				}
			}
			if _, err := reader.next(); !errors.Is(err, io.EOF) {
				t.Errorf("what breaks off at the end is no event: %v", err)
			}
		})
	}
}

func TestAnEventHasALimit(t *testing.T) {
	for _, text := range []string{"data: " + strings.Repeat("x", 2_000) + "\n\n", strings.Repeat("data: x\n", 300) + "\n"} {
		if _, err := newEventReader(strings.NewReader(text), 1_000).next(); !errors.Is(err, errTooLarge) {
			t.Errorf("%v", err)
		}
	}
}
