package plugin

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

type pieces struct {
	list []*backend.CallResourceResponse
}

func (p *pieces) Send(piece *backend.CallResourceResponse) error {
	p.list = append(p.list, piece)
	return nil
}

func (p *pieces) body() string {
	var whole bytes.Buffer
	for _, piece := range p.list {
		whole.Write(piece.Body)
	}
	return whole.String()
}

func call(t *testing.T, d *Datasource, request *backend.CallResourceRequest) (*pieces, error) {
	t.Helper()
	p := &pieces{}
	return p, d.CallResource(t.Context(), request, p)
}

func TestALargeAnswerGoesBackInPieces(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 100_000)
	d, _ := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("X-Request-Id", "r-1")
		respond(207, "text/csv", large)(w, r)
	})
	p, err := call(t, d, &backend.CallResourceRequest{Method: "GET", Path: "series/m", URL: "series/m?format=csv"})
	if err != nil || p.body() != large || len(p.list) < 5 {
		t.Fatalf("%v: %d bytes in %d pieces", err, len(p.body()), len(p.list))
	}
	head := p.list[0]
	if head.Status != 207 || head.Headers["Content-Type"][0] != "text/csv" || head.Headers["X-Request-Id"][0] != "r-1" || head.Headers["Set-Cookie"] != nil || p.list[1].Status != 0 {
		t.Errorf("%d %v, then %d", head.Status, head.Headers, p.list[1].Status)
	}
}

func TestAnEmptyAnswerIsOnePiece(t *testing.T) {
	d, _ := upstream(t, respond(200, "text/plain", ""))
	if p, err := call(t, d, &backend.CallResourceRequest{Method: "GET", Path: "status"}); err != nil || len(p.list) != 1 || p.list[0].Status != 200 {
		t.Errorf("%v %+v", err, p.list)
	}
}

func TestWhatIsTooLargeIsRefusedOrBrokenOff(t *testing.T) {
	announced, _ := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(maxAnswerBytes+1))
		_, _ = w.Write([]byte("x"))
	})
	p, err := call(t, announced, &backend.CallResourceRequest{Method: "GET", Path: "catalog"})
	if err != nil || p.list[0].Status != 502 || !strings.Contains(p.body(), "ANSWER_TOO_LARGE") {
		t.Errorf("%v %s", err, p.body())
	}
	unannounced, _ := upstream(t, tooMuch)
	if p, err = call(t, unannounced, &backend.CallResourceRequest{Method: "GET", Path: "catalog"}); err == nil || len(p.body()) > maxAnswerBytes {
		t.Errorf("%v after %d bytes", err, len(p.body()))
	}
	p, err = call(t, announced, &backend.CallResourceRequest{Method: "POST", Path: "query", Body: make([]byte, maxResourceBodyBytes+1)})
	if err != nil || p.list[0].Status != 413 {
		t.Errorf("%v %+v", err, p.list)
	}
}

func TestAResourceIsAskedAsItsPathSays(t *testing.T) {
	var asked []string
	d, _ := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.RequestURI+" "+string(body)+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Grafana-User")+" "+r.Header.Get("Cookie"))
	})
	user := backend.PluginContext{User: &backend.User{Login: "ann"}}
	for _, request := range []*backend.CallResourceRequest{
		{Method: "GET", Path: "/catalog/", URL: "catalog"},
		{Method: "GET", Path: "series/a b?c", URL: "series/a%20b%3Fc?start=now-1h&x=%26", Body: []byte("ignored")},
		{Method: "POST", Path: "query", URL: "query", Body: []byte("{}"), Headers: map[string][]string{"Cookie": {"session=1"}, "Authorization": {"Bearer other"}}},
		{Method: "GET", Path: "readyz", URL: "readyz"},
		{Method: "GET", Path: "anomalies", URL: "anomalies?watch=errors&minScore=0.5"},
	} {
		request.PluginContext = user
		if _, err := call(t, d, request); err != nil {
			t.Fatal(err)
		}
	}
	end := " Bearer " + secret + " ann "
	for at, want := range []string{"GET /api/v1/catalog " + end, "GET /api/v1/series/a%20b%3Fc?start=now-1h&x=%26 " + end, "POST /api/v1/query {}" + end, "GET /readyz " + end, "GET /api/v1/anomalies?watch=errors&minScore=0.5 " + end} {
		if asked[at] != want {
			t.Errorf("%q, expected %q", asked[at], want)
		}
	}
}
