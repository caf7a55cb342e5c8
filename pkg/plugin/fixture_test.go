package plugin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

const secret = "token-that-nobody-may-see-5d21"

// upstream is a data source whose aggregator is the handler: for what no real aggregator does on demand.
func upstream(t *testing.T, handler http.HandlerFunc, stored ...string) (*Datasource, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return datasourceAt(t, server.URL, stored...), server
}

func datasourceAt(t *testing.T, url string, stored ...string) *Datasource {
	t.Helper()
	instance, err := New(t.Context(), settingsOf(url, stored...))
	if err != nil {
		t.Fatal(err)
	}
	d := instance.(*Datasource)
	t.Cleanup(d.Dispose)
	return d
}

func settingsOf(url string, stored ...string) backend.DataSourceInstanceSettings {
	fields := append([]string{`"url":` + quoted(url)}, stored...)
	return backend.DataSourceInstanceSettings{
		ID: 1, UID: "u", JSONData: []byte("{" + strings.Join(fields, ",") + "}"), DecryptedSecureJSONData: map[string]string{"token": secret},
	}
}

func quoted(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded)
}

var (
	rangeFrom = time.UnixMilli(1_700_000_000_000)
	hour      = backend.TimeRange{From: rangeFrom, To: rangeFrom.Add(time.Hour)}
)

func askOne(t *testing.T, ctx context.Context, d *Datasource, model string) backend.DataResponse {
	t.Helper()
	answer, err := d.QueryData(ctx, &backend.QueryDataRequest{Queries: []backend.DataQuery{{RefID: "A", JSON: []byte(model), TimeRange: hour}}})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Responses["A"]
}

func respond(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
