package plugin

// Resources: the pages and editors ask the aggregator through here, so that the token never reaches a browser. Only what is listed
// passes; status and body go back as they are, in pieces, up to a size.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

const (
	maxResourceBodyBytes = 4 << 20
	resourceChunkBytes   = 256 << 10
)

// passedOn are the headers of an answer that mean something to whoever asked.
var passedOn = []string{"Content-Type", "Content-Disposition", "Cache-Control", "Retry-After", "X-Request-Id"}

// allowed says where a resource stands at the aggregator; '*' is one name.
var allowed = map[string]string{
	"GET catalog":      apiPath + "/catalog",
	"GET status":       apiPath + "/status",
	"GET openapi.json": apiPath + "/openapi.json",
	"GET series/*":     apiPath + "/series/",
	"GET anomalies":    apiPath + "/anomalies",
	"GET watches":      apiPath + "/watches",
	"GET watches/*":    apiPath + "/watches/",
	"GET readyz":       "/readyz",
	"GET healthz":      "/healthz",
	"POST query":       apiPath + "/query",
}

// CallResource hands one request on.
func (d *Datasource) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	refuse := func(status int, code, message, remedy string) error {
		return sendProblem(sender, &upstreamError{problem: problem{code, message, remedy}, status: status})
	}
	if d.invalid != nil {
		return refuse(http.StatusBadRequest, "INVALID_SETTINGS", d.invalid.Error(), "")
	}
	path, known := upstreamPath(req.Method, req.Path)
	if !known {
		return refuse(http.StatusNotFound, "NOT_FOUND", "The data source has no such resource.", "Ask the aggregator itself for what a plugin does not need.")
	}
	if len(req.Body) > maxResourceBodyBytes {
		return refuse(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "The request is larger than may be passed on.", "Ask less at a time.")
	}
	if _, query, found := strings.Cut(req.URL, "?"); found {
		path += "?" + query
	}
	outgoing := request{method: req.Method, path: path, headers: map[string]string{}}
	if req.Method == http.MethodPost {
		outgoing.body = req.Body
	}
	if accept := req.GetHTTPHeader("Accept"); accept != "" {
		outgoing.headers["Accept"] = accept
	}
	addUser(outgoing.headers, req.PluginContext)
	response, err := d.client.send(ctx, d.client.requests, outgoing)
	if err != nil {
		return sendProblem(sender, d.client.failure(err))
	}
	defer drain(response.Body)
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode/100 == 3 {
		return sendProblem(sender, d.client.refusal(response))
	}
	if response.ContentLength > maxAnswerBytes {
		return sendProblem(sender, d.client.failure(errTooLarge))
	}
	return d.passOn(response, sender)
}

// passOn sends head and first piece together, then the rest. What breaks after that can only be broken off.
func (d *Datasource) passOn(response *http.Response, sender backend.CallResourceResponseSender) error {
	head := &backend.CallResourceResponse{Status: response.StatusCode, Headers: map[string][]string{}}
	for _, name := range passedOn {
		if values := response.Header.Values(name); len(values) > 0 {
			head.Headers[name] = values
		}
	}
	piece, total := make([]byte, resourceChunkBytes), int64(0)
	for first := true; ; first = false {
		size, err := io.ReadFull(response.Body, piece)
		total += int64(size)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if total > maxAnswerBytes {
			err, ended = errTooLarge, false
		}
		if err != nil && !ended {
			failure := d.client.failure(err)
			if first {
				return sendProblem(sender, failure)
			}
			return failure
		}
		if first || size > 0 {
			next := &backend.CallResourceResponse{Body: append([]byte(nil), piece[:size]...)}
			if first {
				head.Body, next = next.Body, head
			}
			if err := sender.Send(next); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

// upstreamPath looks a resource up. Names are escaped anew, so that none can lead elsewhere.
func upstreamPath(method, path string) (string, bool) {
	path = method + " " + strings.Trim(path, "/")
	if to, known := allowed[path]; known && !strings.HasSuffix(path, "*") {
		return to, true
	}
	parent, name, isBelow := strings.Cut(path, "/")
	to, known := allowed[parent+"/*"]
	if !isBelow || !known || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return "", false
	}
	return to + url.PathEscape(name), true
}

// sendProblem answers in the aggregator's form of an error.
func sendProblem(sender backend.CallResourceResponseSender, failure *upstreamError) error {
	body, err := json.Marshal(map[string]problem{"error": failure.problem})
	if err != nil {
		return err
	}
	return sender.Send(&backend.CallResourceResponse{
		Status:  failure.status,
		Headers: map[string][]string{"Content-Type": {"application/json"}},
		Body:    body,
	})
}
