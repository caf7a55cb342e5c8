package plugin

// The one way to the aggregator: a keep-alive pool per data source, the token on every request, sizes bounded, and every failure
// turned into an upstreamError. The token stands in the Authorization header and nowhere else.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

const (
	apiPath = "/api/v1"
	// An answer that is larger would only freeze the browser; the aggregator's own row caps are far below it.
	maxAnswerBytes = 64 << 20
	// What is read of a refusal: it is a few hundred bytes.
	maxRefusalBytes = 64 << 10
)

type client struct {
	settings Settings
	// requests has the settings' timeout, streams has none; both use the same connections.
	requests  *http.Client
	streams   *http.Client
	transport *http.Transport
}

func newClient(settings Settings) (*client, error) {
	c := &client{settings: settings}
	timeouts := httpclient.DefaultTimeoutOptions
	timeouts.Timeout = settings.Timeout
	timeouts.DialTimeout = min(timeouts.DialTimeout, settings.Timeout)
	roundTripper, err := httpclient.GetTransport(httpclient.Options{
		Timeouts: &timeouts,
		TLS:      &settings.TLS,
		ConfigureTransport: func(_ httpclient.Options, transport *http.Transport) {
			c.transport = transport
		},
	})
	if err != nil {
		return nil, fmt.Errorf("The TLS settings cannot be used: %w. Paste certificates and key again in PEM form.", err)
	}
	// A redirect would carry the token on to wherever it points, so it is reported instead.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.requests = &http.Client{Transport: roundTripper, CheckRedirect: stay, Timeout: settings.Timeout}
	c.streams = &http.Client{Transport: roundTripper, CheckRedirect: stay}
	return c, nil
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// request describes one call; path is below the aggregator's URL and already escaped.
type request struct {
	method  string
	path    string
	body    []byte
	headers map[string]string
}

// send answers with whatever the aggregator said, 2xx or not. The caller closes the body.
func (c *client) send(ctx context.Context, with *http.Client, r request) (*http.Response, error) {
	outgoing, err := http.NewRequestWithContext(ctx, r.method, c.settings.URL.String()+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, c.failure(err)
	}
	if r.body != nil {
		outgoing.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.headers {
		outgoing.Header.Set(name, headerText(value))
	}
	if c.settings.Token != "" {
		outgoing.Header.Set("Authorization", "Bearer "+c.settings.Token)
	}
	if c.settings.Tenant != "" {
		outgoing.Header.Set("X-Tidemark-Tenant", c.settings.Tenant)
	}
	response, err := with.Do(outgoing)
	if err != nil {
		return nil, c.failure(err)
	}
	return response, nil
}

// read sends and answers with the body of a 2xx; everything else is an upstreamError.
func (c *client) read(ctx context.Context, r request) ([]byte, error) {
	response, err := c.send(ctx, c.requests, r)
	if err != nil {
		return nil, err
	}
	defer drain(response.Body)
	if response.StatusCode/100 != 2 {
		return nil, c.refusal(response)
	}
	body, err := readAtMost(response.Body, maxAnswerBytes)
	if err != nil {
		return nil, c.failure(err)
	}
	return body, nil
}

var errTooLarge = errors.New("larger than allowed")

func readAtMost(from io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLarge
	}
	return body, err
}

// drain reads what little is left, so that the connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxRefusalBytes)
	_ = body.Close()
}

// headerText leaves out what may not stand in a header; names of people may have anything in them.
func headerText(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, value)
}
