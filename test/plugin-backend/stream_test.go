package backend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

// channelOf is the path that the front end gives to this data: FNV-1a of its text, forwards and backwards. Keys must be in order.
func channelOf(data string) string {
	reversed := []byte(data)
	slices.Reverse(reversed)
	sums := [2]uint64{}
	for at, text := range [][]byte{[]byte(data), reversed} {
		sum := fnv.New64a()
		sum.Write(text)
		sums[at] = sum.Sum64()
	}
	return fmt.Sprintf("q/%016x%016x", sums[0], sums[1])
}

type packet struct {
	Schema *struct {
		Fields []struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"fields"`
		Meta struct {
			Notices []struct{ Severity, Text string } `json:"notices"`
			Custom  struct {
				PartialFrom *int64 `json:"partialFrom"`
			} `json:"custom"`
		} `json:"meta"`
	} `json:"schema"`
	Data struct {
		Values [][]*float64 `json:"values"`
	} `json:"data"`
}

// viewer does with a channel's packets what a panel does: the last row of a time counts, by the labels of its series.
type viewer struct {
	lock    sync.Mutex
	series  []string
	rows    map[int64]map[string]float64
	packets []packet
	raw     []string
	notice  string
}

func (v *viewer) take(raw []byte) error {
	var p packet
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("%w in %s", err, raw)
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	v.packets, v.raw = append(v.packets, p), append(v.raw, string(raw))
	if p.Schema != nil {
		v.series, v.notice = nil, ""
		for _, field := range p.Schema.Fields {
			v.series = append(v.series, field.Name+"/"+field.Labels["country"])
		}
		for _, notice := range p.Schema.Meta.Notices {
			if notice.Severity == "error" {
				v.notice = notice.Text
			}
		}
	}
	if len(p.Data.Values) != len(v.series) {
		return fmt.Errorf("%d columns for %v: %s", len(p.Data.Values), v.series, raw)
	}
	if v.rows == nil {
		v.rows = map[int64]map[string]float64{}
	}
	for column := 1; column < len(p.Data.Values); column++ {
		for row, value := range p.Data.Values[column] {
			time := int64(*p.Data.Values[0][row])
			if v.rows[time] == nil {
				v.rows[time] = map[string]float64{}
			}
			delete(v.rows[time], v.series[column])
			if value != nil {
				v.rows[time][v.series[column]] = *value
			}
		}
	}
	return nil
}

// total is the sum over all rows of one series.
func (v *viewer) total(series string) float64 {
	v.lock.Lock()
	defer v.lock.Unlock()
	sum := 0.0
	for row := range maps.Values(v.rows) {
		sum += row[series]
	}
	return sum
}

func (v *viewer) count() int {
	v.lock.Lock()
	defer v.lock.Unlock()
	return len(v.packets)
}

func (v *viewer) said() string {
	v.lock.Lock()
	defer v.lock.Unlock()
	return v.notice
}

func subscribe(t *testing.T, datasource configured, data string) *pluginv2.SubscribeStreamResponse {
	t.Helper()
	response, err := shared.stream.SubscribeStream(within(t, 10*time.Second), &pluginv2.SubscribeStreamRequest{
		PluginContext: datasource.context(t), Path: channelOf(data), Data: []byte(data),
	})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// run subscribes and runs the channel as Grafana does for its first viewer.
func run(t *testing.T, datasource configured, data string) (*viewer, context.CancelFunc) {
	t.Helper()
	if response := subscribe(t, datasource, data); response.Status != pluginv2.SubscribeStreamResponse_OK {
		t.Fatalf("subscribing: %v", response)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	stream, err := shared.stream.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: datasource.context(t), Path: channelOf(data), Data: []byte(data)})
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{}
	go func() {
		for {
			received, err := stream.Recv()
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("the stream ended: %v", err)
				}
				return
			}
			if err := v.take(received.Data); err != nil {
				t.Error(err)
			}
		}
	}()
	return v, cancel
}

// live events have a measure of their own time, so that tests of other channels do not see them.
func liveEvents(name, country string, count int) []map[string]any {
	var events []map[string]any
	for at := range count {
		events = append(events, map[string]any{
			"event_id": fmt.Sprintf("%s-%d-%d", name, at, time.Now().UnixNano()), "ts": time.Now().UnixMilli(), "type": name, "user_id": "u", "amount": 1.25,
			"geo": map[string]any{"country": country}, "device": name,
		})
	}
	return events
}

// liveData asks for the events of one test alone, by the second.
func liveData(name, more string) string {
	return fmt.Sprintf(`{"query":{"bucket":"1s","filters":[{"dimension":"device","op":"=","value":%q}]%s,"kind":"metric","measure":"events"},"spanMs":120000}`, name, more)
}

func TestAChannelShowsWhatComesFirstWholeThenRowsAlone(t *testing.T) {
	// Of a minute, so that most packets change nothing but rows.
	data := strings.Replace(liveData("whole", ""), `"1s"`, `"1m"`, 1)
	shared.aggregator.collect(t, liveEvents("whole", "DE", 3))
	v, _ := run(t, theDatasource(), data)
	eventually(t, 20*time.Second, "the first events are shown", func() bool { return v.total("events/") == 3 })
	if v.packets[0].Schema == nil || len(v.packets[0].Data.Values) != 2 {
		t.Errorf("the first packet: %s", v.raw[0])
	}
	for sent := 3; sent < 27; sent += 4 {
		shared.aggregator.collect(t, liveEvents("whole", "DE", 4))
		eventually(t, 20*time.Second, "new events arrive", func() bool { return v.total("events/") == float64(sent+4) })
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	alone := 0
	for _, p := range v.packets {
		if p.Schema == nil {
			alone++
		} else if p.Schema.Meta.Custom.PartialFrom == nil {
			t.Error("a schema does not say where the unfinished bucket starts")
		}
	}
	if alone == 0 {
		t.Errorf("none of %d packets is rows alone", len(v.packets))
	}
}

func TestWhoJoinsLaterGetsEverythingAtOnce(t *testing.T) {
	data := liveData("joined", "")
	shared.aggregator.collect(t, liveEvents("joined", "DE", 5))
	v, _ := run(t, theDatasource(), data)
	eventually(t, 20*time.Second, "the events are shown", func() bool { return v.total("events/") == 5 })
	time.Sleep(1500 * time.Millisecond)
	before := v.count()
	response := subscribe(t, theDatasource(), data)
	second := &viewer{}
	if err := second.take(response.Data); err != nil || second.total("events/") != 5 {
		t.Errorf("%v: the second viewer starts with %s", err, response.Data)
	}
	// What is published between joining and listening is repeated for it.
	eventually(t, 10*time.Second, "everything is sent once more", func() bool {
		v.lock.Lock()
		defer v.lock.Unlock()
		for at := before; at < len(v.packets); at++ {
			if v.packets[at].Schema != nil && len(v.packets[at].Data.Values[0]) > 1 {
				return true
			}
		}
		return false
	})
}

func TestANewSeriesComesWithAWholeFrame(t *testing.T) {
	data := liveData("series", `,"groupBy":["country"]`)
	shared.aggregator.collect(t, liveEvents("series", "DE", 2))
	v, _ := run(t, theDatasource(), data)
	eventually(t, 20*time.Second, "the first series is shown", func() bool { return v.total("events/DE") == 2 })
	shared.aggregator.collect(t, liveEvents("series", "FR", 3))
	eventually(t, 20*time.Second, "the second series is shown", func() bool { return v.total("events/FR") == 3 && v.total("events/DE") == 2 })
}

func TestAWrongQueryIsToldToItsViewers(t *testing.T) {
	data := `{"query":{"kind":"metric","measure":"evnts"},"spanMs":60000}`
	v, _ := run(t, theDatasource(), data)
	eventually(t, 20*time.Second, "the reason is shown", func() bool { return strings.Contains(v.said(), `Did you mean "events"?`) })
	second := &viewer{}
	if err := second.take(subscribe(t, theDatasource(), data).Data); err != nil || !strings.Contains(second.said(), "evnts") {
		t.Errorf("who joins later is told %q, %v", second.said(), err)
	}
}

func TestARefusedTokenIsToldToItsViewersWithoutTheToken(t *testing.T) {
	stranger := theDatasource()
	stranger.id, stranger.token = 40, "another-token-of-nobody"
	v, _ := run(t, stranger, liveData("refused", ""))
	eventually(t, 20*time.Second, "the reason is shown", func() bool { return strings.Contains(v.said(), "refused the token") })
	if strings.Contains(strings.Join(v.raw, "")+shared.log.String(), stranger.token) {
		t.Error("the token is shown")
	}
}

func TestNobodyGetsIntoAChannelThatIsNone(t *testing.T) {
	data := liveData("none", "")
	for path, text := range map[string]string{
		channelOf(data) + "0": data, "q/": data, "events": data, channelOf("7"): "7", channelOf("{}"): "{}", channelOf(data): liveData("another", ""),
	} {
		response, err := shared.stream.SubscribeStream(within(t, 10*time.Second), &pluginv2.SubscribeStreamRequest{
			PluginContext: theDatasource().context(t), Path: path, Data: []byte(text),
		})
		if err != nil || response.Status != pluginv2.SubscribeStreamResponse_NOT_FOUND {
			t.Errorf("%s with %s: %v %v", path, text, response, err)
		}
	}
	published, err := shared.stream.PublishStream(within(t, 10*time.Second), &pluginv2.PublishStreamRequest{
		PluginContext: theDatasource().context(t), Path: channelOf(data), Data: []byte("{}"),
	})
	if err != nil || published.Status != pluginv2.PublishStreamResponse_PERMISSION_DENIED {
		t.Errorf("publishing: %v %v", published, err)
	}
}

func TestAChannelGoesOnAfterTheAggregatorsRestart(t *testing.T) {
	own, err := startAggregator(t.TempDir(), "TIDEMARK_TENANTS_DEFAULT_TOKENS="+token)
	if err != nil {
		t.Fatal(err)
	}
	defer own.stop()
	datasource := theDatasource()
	datasource.id, datasource.url = 41, own.url
	own.collect(t, liveEvents("restart", "DE", 4))
	v, leave := run(t, datasource, liveData("restart", ""))
	eventually(t, 20*time.Second, "the first events are shown", func() bool { return v.total("events/") == 4 })
	own.stop()
	eventually(t, 20*time.Second, "the loss is told", func() bool { return strings.Contains(v.said(), "nothing listens there") })
	if v.total("events/") != 4 {
		t.Errorf("what was known is lost: %v", v.rows)
	}
	if err := own.start(); err != nil {
		t.Fatal(err)
	}
	own.collect(t, liveEvents("restart", "DE", 5))
	eventually(t, 60*time.Second, "it goes on without a gap or a double", func() bool { return v.total("events/") == 9 && v.said() == "" })
	leave()
	eventually(t, 20*time.Second, "leaving ends the stream upstream", func() bool {
		return strings.Contains(own.metrics(t), "\ntidemark_live_connections 0")
	})
}
