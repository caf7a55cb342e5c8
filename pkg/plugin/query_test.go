package plugin

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

type received struct {
	path    string
	headers http.Header
	body    struct {
		From          int64            `json:"from"`
		To            int64            `json:"to"`
		MaxDataPoints *int64           `json:"maxDataPoints"`
		Queries       []map[string]any `json:"queries"`
	}
}

// recording answers every query with no frames and remembers what was asked.
func recording(t *testing.T, stored ...string) (*Datasource, func() []received) {
	t.Helper()
	var lock sync.Mutex
	var calls []received
	d, _ := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		call := received{path: r.Method + " " + r.URL.Path, headers: r.Header}
		raw, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(raw, &call.body); err != nil {
			t.Error(err)
		}
		lock.Lock()
		calls = append(calls, call)
		lock.Unlock()
		results := map[string]any{}
		for _, query := range call.body.Queries {
			results[query["refId"].(string)] = map[string]any{"status": 200, "frames": []any{}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
	}, stored...)
	return d, func() []received {
		slices.SortFunc(calls, func(a, b received) int { return len(b.body.Queries) - len(a.body.Queries) })
		return calls
	}
}

func TestQueriesOfOneRangeGoInOneCall(t *testing.T) {
	d, calls := recording(t, `"tenant":"shop"`)
	earlier := backend.TimeRange{From: rangeFrom.Add(-time.Hour), To: rangeFrom}
	answer, err := d.QueryData(t.Context(), &backend.QueryDataRequest{
		PluginContext: backend.PluginContext{User: &backend.User{Login: "jür\ngen"}},
		Headers:       map[string]string{"FromAlert": "true", "http_Cookie": "grafana_session=1", "Authorization": "Bearer of-the-user"},
		Queries: []backend.DataQuery{
			{RefID: "A", JSON: []byte(`{"measure":"a"}`), TimeRange: hour, MaxDataPoints: 100, Interval: time.Minute},
			{RefID: "B", JSON: []byte(`{"measure":"b"}`), TimeRange: earlier, MaxDataPoints: 100, Interval: time.Minute},
			{RefID: "C", JSON: []byte(`{"measure":"c"}`), TimeRange: hour, MaxDataPoints: 100, Interval: time.Minute},
			{RefID: "D", JSON: []byte(`{"measure":`), TimeRange: hour, MaxDataPoints: 100, Interval: time.Minute},
		},
	})
	if err != nil || len(answer.Responses) != 4 || answer.Responses["D"].Status != 400 || answer.Responses["C"].Error != nil {
		t.Fatalf("%v %+v", err, answer)
	}
	got := calls()
	if len(got) != 2 || len(got[0].body.Queries) != 2 || got[0].body.Queries[1]["refId"] != "C" || got[1].body.Queries[0]["refId"] != "B" {
		t.Fatalf("%+v", got)
	}
	first := got[0]
	if first.path != "POST /api/v1/query" || first.body.From != hour.From.UnixMilli() || first.body.To != hour.To.UnixMilli() || *first.body.MaxDataPoints != 100 {
		t.Errorf("%+v", first)
	}
	for name, expected := range map[string]string{
		"Authorization": "Bearer " + secret, "X-Tidemark-Tenant": "shop", "X-Grafana-User": "jürgen", "Fromalert": "true", "X-Tidemark-Interval-Ms": "60000",
		"X-Tidemark-Max-Data-Points": "100", "Content-Type": "application/json", "Cookie": "",
	} {
		if value := first.headers.Get(name); value != expected {
			t.Errorf("%s: %q, expected %q", name, value, expected)
		}
	}
}

func TestOnlyTheAggregatorsFieldsAreForwarded(t *testing.T) {
	for name, test := range map[string]struct {
		interval time.Duration
		stored   string
		expected map[string]any
	}{
		"what is Grafana's or the editor's": {time.Minute,
			`{"refId":"old","datasource":{"uid":"x"},"datasourceId":1,"hide":true,"key":"k","queryType":"q","intervalMs":1,"maxDataPoints":2,"live":true,"schemaVersion":1,
			"editorMode":"json","json":"{}","limit":null,"kind":"metric","measure":"m","groupBy":["a"],"order":"asc","window":{"size":"5m"}}`,
			map[string]any{"refId": "A", "kind": "metric", "measure": "m", "groupBy": []any{"a"}, "order": "asc", "window": map[string]any{"size": "5m"}}},
		"nothing that says nothing": {time.Minute,
			`{"measure":"m","legend":"","stat":[],"compareWith":null,"annotation":{"text":"x"},"filters":[{"dimension":"","op":"="},{"dimension":"a","op":"="},
			{"dimension":"b","op":"in","values":[]},{"dimension":"c","op":"=","value":""},{"dimension":"d","op":"in","values":["x"]},{"dimension":"e","value":0}]}`,
			map[string]any{"refId": "A", "measure": "m", "filters": []any{map[string]any{"dimension": "c", "op": "=", "value": ""},
				map[string]any{"dimension": "d", "op": "in", "values": []any{"x"}}, map[string]any{"dimension": "e", "value": 0.0}}}},
		"filters of which none is finished":    {time.Minute, `{"filters":[{"dimension":""}]}`, map[string]any{"refId": "A"}},
		"what the aggregator has to explain":   {time.Minute, `{"filters":"all","stat":7}`, map[string]any{"refId": "A", "filters": "all", "stat": 7.0}},
		"Grafana's interval, in whole minutes": {2 * time.Minute, `{"bucket":"$__interval"}`, map[string]any{"refId": "A", "bucket": "2m"}},
		"in seconds":                           {90 * time.Second, `{"bucket":"${__interval}"}`, map[string]any{"refId": "A", "bucket": "90s"}},
		"in hours":                             {6 * time.Hour, `{"bucket":"$__interval"}`, map[string]any{"refId": "A", "bucket": "6h"}},
		"below a second":                       {20 * time.Millisecond, `{"bucket":"$__interval"}`, map[string]any{"refId": "A", "bucket": "1s"}},
		"as a number":                          {time.Minute, `{"bucket":"${__interval_ms}ms"}`, map[string]any{"refId": "A", "bucket": "60000ms"}},
	} {
		t.Run(name, func(t *testing.T) {
			fields, err := forwarded(backend.DataQuery{RefID: "A", JSON: []byte(test.stored), Interval: test.interval})
			if err != nil {
				t.Fatal(err)
			}
			encoded, _ := json.Marshal(fields)
			var got map[string]any
			if err := json.Unmarshal(encoded, &got); err != nil || !reflect.DeepEqual(got, test.expected) {
				t.Errorf("%v %v", err, got)
			}
		})
	}
}
