package plugin

// Queries: those of one time range go to the aggregator in one call, as they were stored, without what is Grafana's own.
// Every refId gets an answer of its own, whatever happens to the others.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// grafanasFields are Grafana's or the editor's; the aggregator would refuse a query that has them.
var grafanasFields = []string{
	"datasource", "datasourceId", "datasourceUid", "key", "hide", "queryType", "intervalMs", "live", "schemaVersion", "editorMode", "json",
	"annotation", "queryCachingTTL", "requestId", "timeRange", "scopes", "adhocFilters", "groupByKeys",
}

// batch is what one call may have in common.
type batch struct {
	fromMs, toMs, maxDataPoints int64
	interval                    time.Duration
}

type batchBody struct {
	From          int64                        `json:"from"`
	To            int64                        `json:"to"`
	MaxDataPoints int64                        `json:"maxDataPoints,omitempty"`
	Queries       []map[string]json.RawMessage `json:"queries"`
}

// QueryData answers the queries of a panel, of Explore or of an alert rule.
func (d *Datasource) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	answer := backend.NewQueryDataResponse()
	bodies, refIDs := map[batch]*batchBody{}, map[batch][]string{}
	for _, query := range req.Queries {
		if d.invalid != nil {
			answer.Responses[query.RefID] = backend.ErrDataResponseWithSource(backend.StatusBadRequest, backend.ErrorSourceDownstream, d.invalid.Error())
			continue
		}
		fields, err := forwarded(query)
		if err != nil {
			answer.Responses[query.RefID] = backend.ErrDataResponseWithSource(backend.StatusBadRequest, backend.ErrorSourceDownstream, err.Error())
			continue
		}
		b := batch{query.TimeRange.From.UnixMilli(), query.TimeRange.To.UnixMilli(), max(0, query.MaxDataPoints), query.Interval}
		if bodies[b] == nil {
			bodies[b] = &batchBody{From: b.fromMs, To: b.toMs, MaxDataPoints: b.maxDataPoints}
		}
		bodies[b].Queries = append(bodies[b].Queries, fields)
		refIDs[b] = append(refIDs[b], query.RefID)
	}
	var lock sync.Mutex
	var calls sync.WaitGroup
	for b, body := range bodies {
		calls.Go(func() {
			responses := d.ask(ctx, body, refIDs[b], headersFor(req, b))
			lock.Lock()
			defer lock.Unlock()
			for refID, response := range responses {
				answer.Responses[refID] = response
			}
		})
	}
	calls.Wait()
	return answer, nil
}

// ask makes one call and answers for each of its refIDs.
func (d *Datasource) ask(ctx context.Context, body *batchBody, refIDs []string, headers map[string]string) backend.Responses {
	responses := backend.Responses{}
	failed := func(failure *upstreamError) backend.Responses {
		for _, refID := range refIDs {
			responses[refID] = failure.response()
		}
		return responses
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return failed(&upstreamError{problem{"INTERNAL", "The query could not be encoded.", err.Error()}, 500, err})
	}
	raw, err := d.client.read(ctx, request{http.MethodPost, apiPath + "/query", encoded, headers})
	if err != nil {
		return failed(d.client.failure(err))
	}
	var sent struct {
		Results map[string]json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(raw, &sent); err != nil {
		return failed(malformed("it is not JSON"))
	}
	for _, refID := range refIDs {
		result, answered := sent.Results[refID]
		if !answered {
			responses[refID] = malformed("query " + refID + " is missing in it").response()
			continue
		}
		responses[refID] = decodeResult(result)
	}
	return responses
}

// forwarded is the query as the aggregator takes it: the stored fields with Grafana's interval filled in, and its own refId.
func forwarded(query backend.DataQuery) (map[string]json.RawMessage, error) {
	fields, err := queryFields([]byte(withInterval(string(query.JSON), query)))
	if err != nil {
		return nil, fmt.Errorf("Query %s cannot be read: %w. Enter it again.", query.RefID, err)
	}
	delete(fields, "maxDataPoints")
	refID, err := json.Marshal(query.RefID)
	fields["refId"] = refID
	return fields, err
}

func queryFields(stored []byte) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(stored, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	for _, name := range grafanasFields {
		delete(fields, name)
	}
	for name, value := range fields {
		if text := string(value); text == "null" || text == `""` || text == "[]" {
			delete(fields, name)
		}
	}
	return fields, dropUnfinishedFilters(fields)
}

// dropUnfinishedFilters leaves out rows of the editor that are not filled in yet, as the panel does; an alert rule is saved with them.
func dropUnfinishedFilters(fields map[string]json.RawMessage) error {
	var filters []json.RawMessage
	if fields["filters"] == nil || json.Unmarshal(fields["filters"], &filters) != nil {
		// What is no list is the aggregator's to explain.
		return nil
	}
	filters = slices.DeleteFunc(filters, func(raw json.RawMessage) bool {
		var filter struct {
			Dimension *string           `json:"dimension"`
			Value     json.RawMessage   `json:"value"`
			Values    []json.RawMessage `json:"values"`
		}
		if json.Unmarshal(raw, &filter) != nil || filter.Dimension == nil {
			return false
		}
		return *filter.Dimension == "" || (filter.Value == nil && len(filter.Values) == 0)
	})
	delete(fields, "filters")
	if len(filters) == 0 {
		return nil
	}
	encoded, err := json.Marshal(filters)
	fields["filters"] = encoded
	return err
}

// withInterval fills in the macros that the browser fills in for panels; alert rules never pass through a browser.
func withInterval(text string, query backend.DataQuery) string {
	if !strings.Contains(text, "__interval") {
		return text
	}
	ms := strconv.FormatInt(max(1, query.Interval.Milliseconds()), 10)
	words := durationWords(max(time.Second, query.Interval))
	return strings.NewReplacer("${__interval_ms}", ms, "$__interval_ms", ms, "${__interval}", words, "$__interval", words).Replace(text)
}

// durationWords is the shortest exact form that the aggregator reads, such as 90s, 5m, 1h; parts of a second are cut off.
func durationWords(d time.Duration) string {
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if d >= unit.length && d%unit.length == 0 {
			return strconv.FormatInt(int64(d/unit.length), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

// headersFor tells the aggregator who asks and for what; it is free to use or log it.
func headersFor(req *backend.QueryDataRequest, b batch) map[string]string {
	headers := map[string]string{"X-Tidemark-Interval-Ms": strconv.FormatInt(b.interval.Milliseconds(), 10)}
	if b.maxDataPoints > 0 {
		headers["X-Tidemark-Max-Data-Points"] = strconv.FormatInt(b.maxDataPoints, 10)
	}
	if alert := req.Headers[backend.FromAlertHeaderName]; alert != "" {
		headers[backend.FromAlertHeaderName] = alert
	}
	addUser(headers, req.PluginContext)
	return headers
}

func addUser(headers map[string]string, from backend.PluginContext) {
	if from.User != nil && from.User.Login != "" {
		headers["X-Grafana-User"] = from.User.Login
	}
}
