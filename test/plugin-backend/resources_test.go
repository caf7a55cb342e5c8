package backend_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

func callResource(t *testing.T, datasource configured, method, path, body string) (status int, answer string, pieces int) {
	t.Helper()
	name, _, _ := strings.Cut(path, "?")
	stream, err := shared.resource.CallResource(within(t, 20*time.Second), &pluginv2.CallResourceRequest{
		PluginContext: datasource.context(t), Method: method, Path: name, Url: path, Body: []byte(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	for ; ; pieces++ {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return status, answer, pieces
		}
		if err != nil {
			t.Fatal(err)
		}
		if pieces == 0 {
			status = int(piece.Code)
		}
		answer += string(piece.Body)
	}
}

func TestResourcesAreTheAggregatorsOwnAnswers(t *testing.T) {
	var catalog struct {
		Measures []struct {
			Name string `json:"name"`
		} `json:"measures"`
	}
	status, answer, _ := callResource(t, theDatasource(), "GET", "catalog", "")
	if err := json.Unmarshal([]byte(answer), &catalog); err != nil || status != 200 || len(catalog.Measures) != 10 {
		t.Errorf("catalog: %d %v %.300s", status, err, answer)
	}
	if status, answer, _ = callResource(t, theDatasource(), "GET", "status", ""); status != 200 || !strings.Contains(answer, `"backend-test"`) {
		t.Errorf("status: %d %.300s", status, answer)
	}
	if status, answer, _ = callResource(t, theDatasource(), "GET", "readyz", ""); status != 200 || !strings.Contains(answer, `"ready":true`) {
		t.Errorf("readyz: %d %.300s", status, answer)
	}
	status, answer, _ = callResource(t, theDatasource(), "GET", "series/events?start=now-1h&granularity=1m&dimensions=country", "")
	if status != 200 || !strings.Contains(answer, `"bucketMs":60000`) {
		t.Errorf("series: %d %.300s", status, answer)
	}
	status, answer, _ = callResource(t, theDatasource(), "POST", "query", `{"from":"now-1h","queries":[{"refId":"v","kind":"values","dimension":"country"}]}`)
	if status != 200 || !strings.Contains(answer, `"results":{"v"`) {
		t.Errorf("query: %d %.300s", status, answer)
	}
}

func TestRefusalsKeepTheirStatusAndWords(t *testing.T) {
	for path, expected := range map[string]struct {
		status int
		words  string
	}{
		"series/revenu":               {404, `Did you mean \"revenue\"?`},
		"series/events?start=someday": {400, "INVALID_TIME"},
	} {
		if status, answer, _ := callResource(t, theDatasource(), "GET", path, ""); status != expected.status || !strings.Contains(answer, expected.words) {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	stranger := theDatasource()
	stranger.id, stranger.token = 20, "another-token"
	if status, answer, _ := callResource(t, stranger, "GET", "catalog", ""); status != 401 || !strings.Contains(answer, "TOKEN_REFUSED") {
		t.Errorf("with a wrong token: %d %s", status, answer)
	}
}

func TestOnlyWhatIsListedPasses(t *testing.T) {
	for _, request := range [][2]string{
		{"GET", "metrics"}, {"GET", "../metrics"}, {"GET", "series/../../../metrics"}, {"GET", "series/a/b"}, {"GET", "series/.."}, {"GET", "live"},
		{"POST", "events"}, {"POST", "catalog"}, {"DELETE", "catalog"}, {"GET", "query"}, {"GET", ""}, {"GET", "series/*/"}, {"GET", "POST query"},
	} {
		status, answer, _ := callResource(t, theDatasource(), request[0], request[1], "[]")
		if status == 200 || !strings.Contains(answer, "no such resource") && !strings.Contains(answer, "UNKNOWN_MEASURE") {
			t.Errorf("%v: %d %.200s", request, status, answer)
		}
	}
}
