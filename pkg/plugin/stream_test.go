package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// The examples are those of the front end's test.
func TestAPathIsTheHashThatTheFrontEndMakes(t *testing.T) {
	raw, err := os.ReadFile("testdata/channel-hashes.json")
	if err != nil {
		t.Fatal(err)
	}
	var examples []struct {
		Data json.RawMessage `json:"data"`
		Path string          `json:"path"`
	}
	if err := json.Unmarshal(raw, &examples); err != nil || len(examples) < 3 {
		t.Fatal(err, len(examples))
	}
	for _, example := range examples {
		text, err := stableJSON(example.Data)
		if path := "q/" + channelHash(text); err != nil || path != example.Path {
			t.Errorf("%v: %s has %s, expected %s", err, example.Data, path, example.Path)
		}
	}
}

const liveData = `{"query":{"bucket":"10s","measure":"m"},"spanMs":60000}`

func livePath(data string) string { return "q/" + channelHash([]byte(data)) }

func message(name, data string) string {
	return "event: " + name + "\ndata: " + strings.ReplaceAll(data, "\n", "") + "\n\n"
}

func snapshot(cursor, values, meta string) string {
	return message("snapshot", `{"type":"snapshot","id":"A","frames":[{"schema":{"refId":"A","meta":{"custom":{"plan":1}},"fields":[{"name":"time"},{"name":"m"}]},"data":{"values":`+
		values+`}}],"cursor":"`+cursor+`","meta":{"bucketMs":10,`+meta+`}}`)
}

func delta(cursor, values, meta string) string {
	return message("delta", `{"type":"delta","id":"A","frames":[{"data":{"values":`+values+`}}],"cursor":"`+cursor+`","meta":{"bucketMs":10,`+meta+`}}`)
}

// script answers each connection with the next of its texts and then ends it; the last one stays open.
type script struct {
	lock  sync.Mutex
	texts []string
	asked []*http.Request
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	s.asked = append(s.asked, r)
	at := len(s.asked) - 1
	s.lock.Unlock()
	last := at >= len(s.texts)-1
	text := s.texts[min(at, len(s.texts)-1)]
	if status, body, isRefusal := strings.Cut(text, "|"); isRefusal && len(status) == 3 {
		var code int
		_, _ = fmt.Sscan(status, &code)
		respond(code, "application/json", body)(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write([]byte("retry: 2000\n\n" + text))
	w.(http.Flusher).Flush()
	if last {
		<-r.Context().Done()
	}
}

func (s *script) requests() []*http.Request {
	s.lock.Lock()
	defer s.lock.Unlock()
	return slices.Clone(s.asked)
}

type packets struct {
	lock sync.Mutex
	list []string
	came chan struct{}
}

func (p *packets) Send(sent *backend.StreamPacket) error {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.list = append(p.list, string(sent.Data))
	p.came <- struct{}{}
	return nil
}

// follow runs a channel until it has sent so many packets. Waits are noted, not waited for.
func follow(t *testing.T, s *script, count int) (sent []string, waits []time.Duration, d *Datasource) {
	t.Helper()
	d, _ = upstream(t, s.ServeHTTP)
	var lock sync.Mutex
	d.random = func() float64 { return 0.5 }
	d.sleep = func(ctx context.Context, wait time.Duration) error {
		if wait == joinGrace {
			// Nobody joins later here.
			<-ctx.Done()
			return ctx.Err()
		}
		lock.Lock()
		defer lock.Unlock()
		waits = append(waits, wait)
		return ctx.Err()
	}
	p := &packets{came: make(chan struct{}, 1_000)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- d.RunStream(ctx, &backend.RunStreamRequest{Path: livePath(liveData), Data: []byte(liveData), PluginContext: backend.PluginContext{User: &backend.User{Login: "ann"}}},
			backend.NewStreamSender(p))
	}()
	for range count {
		select {
		case <-p.came:
		case <-time.After(10 * time.Second):
			t.Fatalf("only %d packets: %v", len(p.list), p.list)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the stream ended with %v", err)
	}
	lock.Lock()
	defer lock.Unlock()
	return p.list, waits, d
}

func TestTheFirstPacketHasTheSchemaAndTheNextRowsAlone(t *testing.T) {
	s := &script{texts: []string{
		snapshot("c1", `[[10,20],[1,2]]`, `"partialFrom":20,"complete":true`) + ": nothing\n\n" + message("heartbeat", `{"at":1}`) + delta("c2", `[[20],[3]]`, `"partialFrom":20,"complete":true`) +
			delta("c3", `[[30],[4]]`, `"partialFrom":30,"complete":true`) + message("of-later", `{}`) + delta("c4", `[[30],[5]]`, `"partialFrom":30,"complete":true,"fromMs":20`),
	}}
	sent, _, _ := follow(t, s, 4)
	expected := []string{
		`{"schema":{"fields":[{"name":"time"},{"name":"m"}],"meta":{"custom":{"partialFrom":20,"plan":1}},"refId":"A"},"data":{"values":[[10,20],[1,2]]}}`,
		`{"data":{"values":[[20],[3]]}}`,
		// The unfinished bucket moved on, so its mark comes with the schema.
		`{"schema":{"fields":[{"name":"time"},{"name":"m"}],"meta":{"custom":{"partialFrom":30,"plan":1}},"refId":"A"},"data":{"values":[[30],[4]]}}`,
		`{"data":{"values":[[30],[5]]}}`,
	}
	for at, want := range expected {
		if sent[at] != want {
			t.Errorf("packet %d: %s\nexpected %s", at, sent[at], want)
		}
	}
	first := s.requests()[0]
	query := first.URL.Query()
	if query.Get("query") != `{"bucket":"10s","measure":"m"}` || query.Get("spanMs") != "60000" || first.Header.Get("Authorization") != "Bearer "+secret ||
		first.Header.Get("Accept") != "text/event-stream" || first.Header.Get("X-Grafana-User") != "ann" || strings.Contains(first.URL.String(), secret) {
		t.Errorf("%s %v", first.URL, first.Header)
	}
}

func TestALostConnectionGoesOnFromTheCursorAfterAGrowingDelay(t *testing.T) {
	s := &script{texts: []string{
		snapshot("c1", `[[10],[1]]`, `"complete":true`) + delta("c2", `[[20],[2]]`, `"complete":true`),
		"", "", "",
		delta("c3", `[[20],[5]]`, `"complete":true`),
	}}
	// Snapshot, delta, the trouble once, and the delta with the schema that takes the notice away.
	sent, waits, _ := follow(t, s, 4)
	if !strings.Contains(sent[2], `"severity":"error"`) || !strings.Contains(sent[2], `"values":[[],[]]`) || !strings.Contains(sent[3], `[[20],[5]]`) || strings.Contains(sent[3], "notices") ||
		!strings.Contains(sent[3], "schema") {
		t.Errorf("%v", sent)
	}
	for at, want := range []string{"", "c2", "c2", "c2", "c2"} {
		if got := s.requests()[at].URL.Query().Get("resume"); got != want {
			t.Errorf("connection %d resumes from %q, expected %q", at, got, want)
		}
	}
	if fmt.Sprint(waits[:4]) != fmt.Sprint([]time.Duration{375 * time.Millisecond, 750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}) {
		t.Errorf("%v", waits)
	}
}

func TestTheDelayHasAnEndAndSomeChance(t *testing.T) {
	d := &Datasource{random: func() float64 { return 1 }}
	if d.backoff(1) != firstRetry || d.backoff(7) != lastRetry || d.backoff(1_000_000) != lastRetry {
		t.Errorf("%v %v %v", d.backoff(1), d.backoff(7), d.backoff(1_000_000))
	}
	d.random = func() float64 { return 0 }
	if d.backoff(7) != lastRetry/2 {
		t.Errorf("%v", d.backoff(7))
	}
}

func TestWhatTheAggregatorSaysReachesTheViewers(t *testing.T) {
	wrong := `{"code":"COLD_DOWN","message":"The cold tier is away.","remedy":"Start it."}`
	for name, test := range map[string]struct {
		texts []string
		// In the packets, in this order.
		words  []string
		resume string
	}{
		"an evaluation that fails, and goes on": {
			[]string{snapshot("c1", `[[10],[1]]`, `"complete":true`) + message("error", `{"error":`+wrong+`,"ended":false}`) + message("heartbeat", "{}") + delta("c2", `[[10],[2]]`, `"complete":true`)},
			[]string{`[[10],[1]]`, "The cold tier is away. Start it.", `"custom":{"partialFrom":null,"plan":1}},"refId":"A"},"data":{"values":[[10],[2]]}`}, ""},
		"a query that is wrong": {[]string{message("error", `{"error":{"code":"X","message":"No such measure.","remedy":""},"ended":true}`)}, []string{"No such measure."}, ""},
		"a refusal":             {[]string{`401|{}`}, []string{"refused the token"}, ""},
		"a quota":               {[]string{`429|{"error":{"code":"Q","message":"Too many live queries.","remedy":"Raise it."}}`}, []string{"Too many live queries. Raise it."}, ""},
		"dropped, and back": {[]string{snapshot("c1", `[[10],[1]]`, `"complete":true`) + message("dropped", `{"code":"stopping","reason":"x","retryAfterMs":4000}`), delta("c2", `[[20],[2]]`, `"complete":true`)},
			[]string{`[[10],[1]]`, `{"data":{"values":[[20],[2]]}}`}, "c1"},
		"nonsense, then a snapshot": {[]string{snapshot("c1", `[[10],[1]]`, `"complete":true`) + delta("c2", `[[20],[2],[3]]`, `"complete":true`), snapshot("c3", `[[20],[2]]`, `"complete":true`)},
			[]string{`[[10],[1]]`, `[[20],[2]]`}, ""},
		"a message that is no JSON": {[]string{message("snapshot", `{`), snapshot("c3", `[[20],[2]]`, `"complete":true`)}, []string{`[[20],[2]]`}, ""},
		"two frames":                {[]string{message("snapshot", `{"frames":[{},{}]}`), snapshot("c3", `[[20],[2]]`, `"complete":true`)}, []string{`[[20],[2]]`}, ""},
		"a delta before a snapshot": {[]string{delta("c1", `[[20],[2]]`, `"complete":true`), snapshot("c3", `[[30],[3]]`, `"complete":true`)}, []string{`[[30],[3]]`}, ""},
		"trouble where each packet is the whole answer": {
			[]string{strings.Replace(snapshot("c1", `[["a"],[1]]`, `"complete":true`), `"bucketMs":10`, `"bucketMs":0`, 1) + message("error", `{"error":`+wrong+`,"ended":false}`)},
			[]string{`[["a"],[1]]`, `"notices":[{"severity":"error","text":"The cold tier is away. Start it."}]},"refId":"A"},"data":{"values":[["a"],[1]]}`}, ""},
		"data may be incomplete": {[]string{snapshot("c1", `[[10],[1]]`, `"complete":true`) + delta("c2", `[[10],[2]]`, `"complete":false`)},
			[]string{`[[10],[1]]`, `"schema":`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{texts: test.texts}
			sent, waits, _ := follow(t, s, len(test.words))
			for at, words := range test.words {
				if !strings.Contains(sent[at], words) {
					t.Errorf("packet %d is %s, expected %s", at, sent[at], words)
				}
			}
			if asked := s.requests(); len(asked) > 1 && asked[1].URL.Query().Get("resume") != test.resume {
				t.Errorf("resumes from %q", asked[1].URL.Query().Get("resume"))
			}
			if name == "dropped, and back" && waits[0] != 4*time.Second {
				t.Errorf("came back after %v", waits)
			}
			if all := strings.Join(sent, ""); strings.Contains(all, secret) {
				t.Error("the token is in a packet")
			}
		})
	}
}

func TestARunningChannelTakesNoOtherQuery(t *testing.T) {
	d := datasourceAt(t, "http://127.0.0.1:1")
	forged := &channel{subscription: subscription{query: json.RawMessage(`{"measure":"other"}`), spanMs: 60_000}, joined: make(chan struct{}, 1), end: func(error) {}}
	d.channels.start(livePath(liveData), forged)
	response, err := d.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{Path: livePath(liveData), Data: []byte(liveData)})
	if err != nil || response.Status != backend.SubscribeStreamStatusPermissionDenied {
		t.Errorf("%v %v", err, response)
	}
}

func TestDisposingEndsItsStreams(t *testing.T) {
	s := &script{texts: []string{snapshot("c1", `[[10],[1]]`, `"complete":true`)}}
	d, _ := upstream(t, s.ServeHTTP)
	p := &packets{came: make(chan struct{}, 1_000)}
	ended := make(chan error)
	go func() {
		ended <- d.RunStream(t.Context(), &backend.RunStreamRequest{Path: livePath(liveData), Data: []byte(liveData)}, backend.NewStreamSender(p))
	}()
	<-p.came
	d.Dispose()
	if err := <-ended; err == nil || errors.Is(err, context.Canceled) || d.channels.get(livePath(liveData)) != nil {
		t.Errorf("%v: Grafana would not run it again", err)
	}
}
