package backend_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/dataplane/sdata/numeric"
	"github.com/grafana/dataplane/sdata/reader"
	"github.com/grafana/dataplane/sdata/timeseries"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

var (
	seeding sync.Once
	// The known events lie in the ten whole minutes before this.
	seededUntil time.Time
)

// seed sends 120 events: one every 5 s, a purchase each third, countries DE, FR and none.
func seed(t *testing.T) {
	t.Helper()
	seeding.Do(func() {
		seededUntil = time.Now().Add(-time.Minute).Truncate(time.Minute)
		countries := []any{map[string]any{"country": "DE"}, map[string]any{"country": "FR"}, map[string]any{}}
		var events []map[string]any
		for i := range 120 {
			event := map[string]any{
				"event_id": fmt.Sprintf("seed-%d", i), "ts": seededUntil.Add(time.Duration(i-120) * 5 * time.Second).UnixMilli(), "type": "page_view",
				"user_id": fmt.Sprintf("u%d", i%7), "geo": countries[i%3], "device": "phone", "latency_ms": 10 + i, "product": map[string]any{"id": fmt.Sprintf("p%d", i%4)},
			}
			if i%3 == 0 {
				event["type"], event["amount"] = "purchase", 10.5
			}
			events = append(events, event)
		}
		shared.aggregator.collect(t, events)
	})
}

type query struct {
	refID string
	model string
	// The panel's; zero: the seeded ten minutes.
	from, to time.Time
}

func ask(t *testing.T, datasource configured, headers map[string]string, queries ...query) backend.Responses {
	t.Helper()
	request := &pluginv2.QueryDataRequest{PluginContext: datasource.context(t), Headers: headers}
	for _, q := range queries {
		if q.to.IsZero() {
			q.from, q.to = seededUntil.Add(-10*time.Minute), seededUntil
		}
		request.Queries = append(request.Queries, &pluginv2.DataQuery{
			RefId: q.refID, MaxDataPoints: 500, IntervalMS: 10_000, Json: []byte(q.model),
			TimeRange: &pluginv2.TimeRange{FromEpochMS: q.from.UnixMilli(), ToEpochMS: q.to.UnixMilli()},
		})
	}
	answer, err := shared.data.QueryData(within(t, 90*time.Second), request)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := backend.FromProto().QueryDataResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	return decoded.Responses
}

// stored is a query as Grafana stores it, with everything in it that is not the aggregator's.
func stored(refID, fields string) string {
	return fmt.Sprintf(`{"refId":%q,"datasource":{"type":"tidemark-realtime-datasource","uid":"x"},"hide":false,"key":"Q-1","intervalMs":10000,
		"maxDataPoints":500,"queryType":"","schemaVersion":1,"editorMode":"builder","live":true,"limit":null,"queryCachingTTL":60000,%s}`, refID, fields)
}

func TestEveryKindOfFramePassesGrafanasReader(t *testing.T) {
	seed(t)
	for _, test := range []struct {
		name, fields string
		kind         data.FrameType
		// How many series or numbers a reader finds, and the sum of all their values.
		refs int
		sum  float64
	}{
		{"one series", `"kind":"metric","measure":"events","bucket":"1m"`, data.FrameTypeTimeSeriesWide, 1, 120},
		{"a series per country", `"measure":"events","bucket":"1m","groupBy":["country"]`, data.FrameTypeTimeSeriesWide, 3, 120},
		{"two dimensions", `"measure":"events","bucket":"1m","groupBy":["country","device"]`, data.FrameTypeTimeSeriesWide, 3, 120},
		{"an automatic bucket", `"measure":"revenue","bucket":"auto"`, data.FrameTypeTimeSeriesWide, 1, 420},
		{"Grafana's interval", `"measure":"revenue","bucket":"$__interval"`, data.FrameTypeTimeSeriesWide, 1, 420},
		{"several quantiles", `"measure":"latency","bucket":"10m","stat":["p50","p95"]`, data.FrameTypeTimeSeriesWide, 2, math.NaN()},
		{"a comparison", `"measure":"events","bucket":"1m","compareWith":"1m"`, data.FrameTypeTimeSeriesWide, 2, 228},
		{"a sliding window", `"measure":"active_users","bucket":"1m"`, data.FrameTypeTimeSeriesWide, 1, math.NaN()},
		{"empty buckets left null", `"measure":"largest","bucket":"1s","fill":"null"`, data.FrameTypeTimeSeriesWide, 1, 420},
		{"nothing found", `"measure":"events","bucket":"1m","groupBy":["country"],"filters":[{"dimension":"country","op":"=","value":"XX"}]`, data.FrameTypeTimeSeriesWide, 0, 0},
		{"one total", `"measure":"events","format":"total"`, data.FrameTypeNumericWide, 1, 120},
		{"a total per country", `"measure":"revenue","format":"total","groupBy":["country"]`, data.FrameTypeNumericWide, 3, 420},
		{"a ratio", `"measure":"conversion","format":"total"`, data.FrameTypeNumericWide, 1, 1.0 / 3},
		{"anomalies, as alert rules ask", `"kind":"anomaly","measure":"events","bucket":"1m","groupBy":["country"],"fields":"score"`, data.FrameTypeTimeSeriesWide, 3, math.NaN()},
		{"the newest score", `"kind":"anomaly","measure":"events","bucket":"1m","groupBy":["country"],"fields":"score","format":"total"`, data.FrameTypeNumericWide, 3, math.NaN()},
		{"no total", `"measure":"largest","format":"total","filters":[{"dimension":"country","value":"XX"}]`, data.FrameTypeNumericWide, 0, 0},
	} {
		for _, alert := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, alert %v", test.name, alert), func(t *testing.T) {
				headers := map[string]string{}
				if alert {
					headers["FromAlert"] = "true"
				}
				response := ask(t, theDatasource(), headers, query{refID: "A", model: stored("A", test.fields)})["A"]
				if response.Error != nil || response.Status != backend.StatusOK {
					t.Fatalf("%v %v", response.Status, response.Error)
				}
				refs, sum := readAsGrafana(t, response.Frames, test.kind)
				if refs != test.refs || (!math.IsNaN(test.sum) && math.Abs(sum-test.sum) > 1e-9) {
					t.Errorf("%d series with sum %v, expected %d with %v", refs, sum, test.refs, test.sum)
				}
			})
		}
	}
}

// readAsGrafana reads frames with the library that Grafana's alerting and expressions read them with.
func readAsGrafana(t *testing.T, frames data.Frames, expected data.FrameType) (refs int, sum float64) {
	t.Helper()
	found, err := reader.CanReadBasedOnMeta(frames)
	if err != nil || found != expected {
		t.Fatalf("the frames read as %q: %v", found, err)
	}
	if found.Kind() == data.KindTimeSeries {
		collectionReader, err := timeseries.CollectionReaderFromFrames(frames)
		if err != nil {
			t.Fatal(err)
		}
		collection, err := collectionReader.GetCollection(true)
		if err != nil || collection.Warning != nil || len(collection.RemainderIndices) > 0 {
			t.Fatalf("%v, warning %v, left over %v", err, collection.Warning, collection.RemainderIndices)
		}
		for _, ref := range collection.Refs {
			length, _ := ref.Len()
			for row := range length {
				_, value, err := ref.NullableFloat64Point(row)
				if err != nil {
					t.Fatal(err)
				}
				if value != nil {
					sum += *value
				}
			}
		}
		return len(collection.Refs), sum
	}
	collectionReader, err := numeric.CollectionReaderFromFrames(frames)
	if err != nil {
		t.Fatal(err)
	}
	collection, err := collectionReader.GetCollection(false)
	if err != nil || collection.Warning != nil {
		t.Fatalf("%v, warning %v", err, collection.Warning)
	}
	for _, ref := range collection.Refs {
		value, empty, err := ref.NullableFloat64Value()
		if err != nil || empty {
			t.Fatalf("%v, empty %v", err, empty)
		}
		if value != nil {
			sum += *value
		}
	}
	return len(collection.Refs), sum
}

func TestFramesOutsideOfTheContractCarryTheAggregatorsOwnNumbers(t *testing.T) {
	seed(t)
	fields := map[string]string{
		"T": `"kind":"metric","measure":"revenue","format":"table","groupBy":["country"]`,
		"B": `"kind":"metric","measure":"events","format":"table","groupBy":["country"],"bucket":"5m"`,
		"H": `"kind":"metric","measure":"latency","format":"heatmap","bucket":"1m"`,
		"P": `"kind":"top","measure":"top_products"`,
		"E": `"kind":"events","limit":5,"filters":[{"dimension":"country","op":"in","values":["DE","FR"]}]`,
		"V": `"kind":"values","dimension":"country"`,
		"S": `"kind":"metric","measure":"events","bucket":"1m","groupBy":["country"]`,
	}
	types := map[string]data.FrameType{"T": "table", "B": "table", "H": "heatmap-rows", "P": "table", "E": "table", "V": "table", "S": data.FrameTypeTimeSeriesWide}
	var queries []query
	var direct []json.RawMessage
	for refID, text := range fields {
		queries = append(queries, query{refID: refID, model: stored(refID, text)})
		direct = append(direct, json.RawMessage(fmt.Sprintf(`{"refId":%q,%s}`, refID, text)))
	}
	answers := ask(t, theDatasource(), nil, queries...)
	var own struct {
		Results map[string]struct {
			Frames []map[string]any `json:"frames"`
		} `json:"results"`
	}
	from, to := seededUntil.Add(-10*time.Minute).UnixMilli(), seededUntil.UnixMilli()
	shared.aggregator.call(t, "POST", "/api/v1/query", map[string]any{"from": from, "to": to, "maxDataPoints": 500, "queries": direct}, &own)
	for refID := range fields {
		answer := answers[refID]
		if answer.Error != nil || len(answer.Frames) != 1 || answer.Frames[0].Meta.Type != types[refID] || answer.Frames[0].Rows() == 0 {
			t.Errorf("%s: %v, %d frames", refID, answer.Error, len(answer.Frames))
			continue
		}
		encoded, err := json.Marshal(answer.Frames[0])
		if err != nil {
			t.Fatal(err)
		}
		var through map[string]any
		if err := json.Unmarshal(encoded, &through); err != nil {
			t.Fatal(err)
		}
		expected := own.Results[refID].Frames[0]["data"].(map[string]any)["values"]
		if got := through["data"].(map[string]any)["values"]; !reflect.DeepEqual(got, expected) {
			t.Errorf("%s: through the backend %v, from the aggregator %v", refID, got, expected)
		}
		if custom, err := json.Marshal(answer.Frames[0].Meta.Custom); err != nil || !strings.Contains(string(custom), "freshness") {
			t.Errorf("%s: the plan and freshness are lost: %s", refID, custom)
		}
	}
}

func TestAWrongQuerySpoilsItsOwnRefIdAlone(t *testing.T) {
	seed(t)
	answers := ask(t, theDatasource(), nil,
		query{refID: "A", model: stored("A", `"measure":"revenu"`)},
		query{refID: "B", model: stored("B", `"measure":"events","format":"total"`)},
		query{refID: "C", model: stored("C", `"measure":"events","bucket":"5x"`)},
		query{refID: "D", model: `[1]`},
		// Of another range, so in a call of its own, which is refused as a whole.
		query{refID: "E", model: stored("E", `"measure":"events"`), from: seededUntil, to: seededUntil.Add(-time.Hour)},
	)
	for refID, words := range map[string]string{"A": `Did you mean "revenue"?`, "C": "queries[2].bucket", "D": "Query D cannot be read", "E": "is not before"} {
		answer := answers[refID]
		if answer.Error == nil || !strings.Contains(answer.Error.Error(), words) || answer.Status != 400 || answer.ErrorSource != backend.ErrorSourceDownstream {
			t.Errorf("%s: %v %v %v", refID, answer.Status, answer.ErrorSource, answer.Error)
		}
	}
	if _, sum := readAsGrafana(t, answers["B"].Frames, data.FrameTypeNumericWide); answers["B"].Error != nil || sum != 120 {
		t.Errorf("B: %v, %v", answers["B"].Error, sum)
	}
}

func TestQueriesOfSeveralRangesAreAnsweredTogether(t *testing.T) {
	seed(t)
	half := seededUntil.Add(-5 * time.Minute)
	answers := ask(t, theDatasource(), nil,
		query{refID: "A", model: stored("A", `"measure":"events","format":"total"`), from: half, to: seededUntil},
		query{refID: "B", model: stored("B", `"measure":"events","format":"total"`), from: seededUntil.Add(-10 * time.Minute), to: half},
		query{refID: "C", model: stored("C", `"measure":"purchases","format":"total"`), from: half, to: seededUntil},
	)
	for refID, expected := range map[string]float64{"A": 60, "B": 60, "C": 20} {
		if _, sum := readAsGrafana(t, answers[refID].Frames, data.FrameTypeNumericWide); sum != expected {
			t.Errorf("%s: %v, expected %v", refID, sum, expected)
		}
	}
}

func TestRefusedAndUnreachableAreTheDownstreams(t *testing.T) {
	stranger := theDatasource()
	stranger.id, stranger.token = 30, "another-token"
	away := theDatasource()
	away.id, away.url = 31, "http://127.0.0.1:1"
	unset := theDatasource()
	unset.id, unset.url = 32, ""
	for _, test := range []struct {
		datasource configured
		status     backend.Status
		words      string
	}{{stranger, 401, "refused the token"}, {away, 502, "nothing listens there"}, {unset, 400, "URL is not set"}} {
		answer := ask(t, test.datasource, nil, query{refID: "A", model: stored("A", `"measure":"events"`), from: time.UnixMilli(0), to: time.UnixMilli(1)})["A"]
		if answer.Error == nil || answer.Status != test.status || answer.ErrorSource != backend.ErrorSourceDownstream || !strings.Contains(answer.Error.Error(), test.words) {
			t.Errorf("%s: %v %v %v", test.words, answer.Status, answer.ErrorSource, answer.Error)
		}
		if answer.Error != nil {
			noSecretIn(t, "an error", answer.Error.Error())
		}
	}
}

func TestChangedSettingsCountFromTheNextCallOn(t *testing.T) {
	seed(t)
	datasource := theDatasource()
	datasource.id, datasource.token, datasource.updated = 33, "another-token", time.UnixMilli(1_000)
	total := query{refID: "A", model: stored("A", `"measure":"events","format":"total"`)}
	if answer := ask(t, datasource, nil, total)["A"]; answer.Status != 401 {
		t.Fatalf("with the old token: %v %v", answer.Status, answer.Error)
	}
	datasource.token, datasource.updated = token, time.UnixMilli(2_000)
	if answer := ask(t, datasource, nil, total)["A"]; answer.Error != nil {
		t.Fatalf("with the new token: %v", answer.Error)
	}
}
