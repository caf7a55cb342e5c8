package plugin

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

const ownRefusal = `{"error":{"code":"QUOTA_QUERY_RATE","message":"This tenant asks too often.","remedy":"Ask less often."}}`

func TestWhatTheAggregatorAnswersKeepsItsStatusSourceAndWords(t *testing.T) {
	retryAfter := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		respond(429, "application/json", ownRefusal)(w, r)
	}
	withRequestID := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "r-42")
		respond(503, "application/json", `{"error":{"code":"COLD_DOWN","message":"The cold tier is away.","remedy":"Start it."}}`)(w, r)
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		status backend.Status
		words  []string
	}{
		"401":               {respond(401, "application/json", ownRefusal), 401, []string{"refused the token", "SHA-256"}},
		"429":               {retryAfter, 429, []string{"asks too often", "tried again in 7 s"}},
		"503":               {withRequestID, 503, []string{"The cold tier is away. Start it.", "request r-42"}},
		"504":               {respond(504, "application/json", `{"error":{"code":"DEADLINE","message":"It took too long.","remedy":""}}`), 504, []string{"It took too long."}},
		"500 of a proxy":    {respond(500, "text/html", "<h1>nginx</h1>"), 500, []string{"answered 500", "stands between"}},
		"404 of a stranger": {respond(404, "text/html", "not here"), 502, []string{"answered 404", "aggregator's own"}},
		"a redirect":        {http.RedirectHandler("https://login.example.com/?token="+secret, 302).ServeHTTP, 502, []string{"redirects to https://login.example.com/"}},
		"a token repeated":  {respond(400, "application/json", `{"error":{"code":"X","message":"Found `+secret+`.","remedy":"Not `+secret+`."}}`), 400, []string{"Found [token]."}},
		"no JSON":           {respond(200, "text/html", "<html>welcome</html>"), 502, []string{"it is not JSON"}},
		"cut off":           {respond(200, "application/json", `{"results":{"A":{"frames":[`), 502, []string{"it is not JSON"}},
		"another form":      {respond(200, "application/json", `{"results":{"A":7}}`), 502, []string{"another form"}},
		"another refId":     {respond(200, "application/json", `{"results":{"B":{}}}`), 502, []string{"query A is missing"}},
		"no results":        {respond(200, "application/json", `{}`), 502, []string{"query A is missing"}},
		"more than allowed": {tooMuch, 502, []string{"more than may be passed on", "fewer series"}},
		"broken off":        {brokenOff, 502, []string{"cannot be reached", "unexpected EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := upstream(t, test.answer)
			answer := askOne(t, t.Context(), d, `{"measure":"m"}`)
			if answer.Error == nil || answer.Status != test.status || answer.ErrorSource != backend.ErrorSourceDownstream {
				t.Fatalf("%v %v %v", answer.Status, answer.ErrorSource, answer.Error)
			}
			for _, words := range test.words {
				if !strings.Contains(answer.Error.Error(), words) {
					t.Errorf("%q does not say %q", answer.Error, words)
				}
			}
			if strings.Contains(answer.Error.Error(), secret) {
				t.Errorf("the token stands in %q", answer.Error)
			}
		})
	}
}

func tooMuch(w http.ResponseWriter, _ *http.Request) {
	piece := []byte(strings.Repeat(" ", 1<<20))
	for range maxAnswerBytes>>20 + 1 {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func brokenOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"results"`))
}

// untilGone waits for the asker to go, which Go's server notices only once it has read what was asked.
func untilGone(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestASlowAggregatorIsATimeout(t *testing.T) {
	ended := make(chan struct{})
	d, _ := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		untilGone(r)
		close(ended)
	}, `"timeoutMs":100`)
	answer := askOne(t, t.Context(), d, `{"measure":"m"}`)
	if answer.Status != 504 || answer.ErrorSource != backend.ErrorSourceDownstream || !strings.Contains(answer.Error.Error(), "did not answer within 100ms") {
		t.Errorf("%v %v %v", answer.Status, answer.ErrorSource, answer.Error)
	}
	<-ended
}

func TestCancellingGoesUpstream(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	d, _ := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		untilGone(r)
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	answer := askOne(t, ctx, d, `{"measure":"m"}`)
	if answer.Status != statusClientClosed || !errors.Is(answer.Error, context.Canceled) || answer.ErrorSource != backend.ErrorSourceDownstream {
		t.Errorf("%v %v %v", answer.Status, answer.ErrorSource, answer.Error)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the aggregator still works on it")
	}
}

func TestTLSTroubleIsToldApart(t *testing.T) {
	plain := httptest.NewServer(respond(200, "application/json", "{}"))
	secured := httptest.NewTLSServer(respond(200, "application/json", "{}"))
	wantsCertificate := httptest.NewUnstartedServer(respond(200, "application/json", "{}"))
	wantsCertificate.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	wantsCertificate.StartTLS()
	for _, server := range []*httptest.Server{plain, secured, wantsCertificate} {
		t.Cleanup(server.Close)
		server.Config.ErrorLog = nil
	}
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secured.Certificate().Raw}))
	for name, test := range map[string]struct {
		url, words string
		stored     []string
	}{
		"TLS asked of plain HTTP":     {strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS", nil},
		"plain HTTP asked of TLS":     {strings.Replace(secured.URL, "https:", "http:", 1), "answered 400", nil},
		"an unknown authority":        {secured.URL, "does not trust", nil},
		"another name":                {secured.URL, "not for the name elsewhere.test", []string{`"tlsAuthWithCACert":true`, `"tlsServerName":"elsewhere.test"`}},
		"a client certificate wanted": {wantsCertificate.URL, "wants a client certificate", []string{`"tlsSkipVerify":true`}},
	} {
		t.Run(name, func(t *testing.T) {
			given := settingsOf(test.url, test.stored...)
			given.DecryptedSecureJSONData["tlsCACert"] = authority
			instance, err := New(t.Context(), given)
			if err != nil {
				t.Fatal(err)
			}
			d := instance.(*Datasource)
			t.Cleanup(d.Dispose)
			answer := askOne(t, t.Context(), d, `{}`)
			if answer.Error == nil || !strings.Contains(answer.Error.Error(), test.words) || answer.Status != 502 {
				t.Errorf("%v %v", answer.Status, answer.Error)
			}
		})
	}
	trusted := settingsOf(secured.URL, `"tlsAuthWithCACert":true`)
	trusted.DecryptedSecureJSONData["tlsCACert"] = authority
	instance, err := New(t.Context(), trusted)
	if err != nil {
		t.Fatal(err)
	}
	if answer := askOne(t, t.Context(), instance.(*Datasource), `{}`); answer.Error == nil || !strings.Contains(answer.Error.Error(), "query A is missing") {
		t.Errorf("with the right authority: %v", answer.Error)
	}
}

func TestOnePoolIsKeptAliveAndClosedWithItsDataSource(t *testing.T) {
	addresses := map[string]bool{}
	d, _ := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		respond(200, "application/json", `{"results":{"A":{"frames":[]}}}`)(w, r)
	})
	for range 5 {
		if answer := askOne(t, t.Context(), d, `{}`); answer.Error != nil {
			t.Fatal(answer.Error)
		}
	}
	if len(addresses) != 1 {
		t.Errorf("%d connections for 5 queries, one after the other", len(addresses))
	}
	d.Dispose()
	_ = askOne(t, t.Context(), d, `{}`)
	if len(addresses) != 2 {
		t.Error("the pool was not closed")
	}
}
