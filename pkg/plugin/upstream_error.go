package plugin

// What went wrong between here and the aggregator, in words: what happened, and what to do. Whoever shows it needs nothing else.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

// statusClientClosed is the customary status for 'the asker has gone'.
const statusClientClosed = 499

// problem is the aggregator's form of an error: {code, message, remedy}.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

type upstreamError struct {
	problem
	status int
	cause  error
}

func (e *upstreamError) Error() string {
	return strings.TrimSpace(e.Message + " " + e.Remedy)
}

func (e *upstreamError) Unwrap() error { return e.cause }

func (e *upstreamError) response() backend.DataResponse {
	return backend.DataResponse{Error: e, Status: backend.Status(e.status), ErrorSource: backend.ErrorSourceFromHTTPStatus(e.status)}
}

// failure puts an error of the network, of TLS or of reading into words.
func (c *client) failure(err error) *upstreamError {
	known := new(upstreamError)
	if errors.As(err, &known) {
		return known
	}
	at := "The aggregator at " + c.settings.URL.String()
	say := func(status int, code, message, remedy string) *upstreamError {
		return &upstreamError{problem{code, c.redact(message), remedy}, status, errors.New(code)}
	}
	var (
		dns         *net.DNSError
		unknown     x509.UnknownAuthorityError
		wrongHost   x509.HostnameError
		certificate x509.CertificateInvalidError
		notTLS      tls.RecordHeaderError
		network     net.Error
	)
	text := err.Error()
	switch {
	case errors.Is(err, context.Canceled):
		return &upstreamError{problem{"CANCELLED", "The query was cancelled.", ""}, statusClientClosed, context.Canceled}
	case errors.Is(err, errTooLarge) || errors.Is(err, httpclient.ErrResponseBodyTooLarge):
		return say(502, "ANSWER_TOO_LARGE", at+" answered with more than may be passed on.", "Ask for fewer series, a longer bucket or a shorter range.")
	case errors.As(err, &dns):
		return say(502, "NAME_NOT_FOUND", fmt.Sprintf("The name %s of the aggregator cannot be resolved.", dns.Name),
			"Check the URL's spelling, and that Grafana's server (not your browser) knows this name.")
	case errors.As(err, &unknown):
		return say(502, "TLS_UNKNOWN_AUTHORITY", at+" has a certificate of an authority that Grafana's server does not trust.",
			"Switch on 'With CA cert' and paste the authority's certificate.")
	case errors.As(err, &wrongHost):
		return say(502, "TLS_WRONG_NAME", fmt.Sprintf("%s has a certificate that is not for the name %s.", at, wrongHost.Host),
			"Use the name in the certificate as URL, or enter it as TLS server name.")
	case errors.As(err, &certificate):
		return say(502, "TLS_INVALID_CERTIFICATE", fmt.Sprintf("%s has a certificate that is not valid: %v.", at, certificate), "Renew the certificate, and check both clocks.")
	case errors.As(err, &notTLS) || strings.Contains(text, "HTTP response to HTTPS client"):
		return say(502, "NOT_TLS", at+" does not speak TLS.", "Use http:// in the URL, or switch TLS on at the aggregator.")
	case strings.Contains(text, "remote error: tls:"):
		return say(502, "TLS_REFUSED", at+" refused the TLS connection: it wants a client certificate, or another one.",
			"Switch on 'TLS client authentication' and paste certificate and key.")
	case strings.Contains(text, "malformed HTTP response"):
		return say(502, "NOT_HTTP", at+" does not answer as plain HTTP.", "If it speaks TLS, use https:// in the URL; else check the port.")
	case errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &network) && network.Timeout()):
		return say(504, "TIMEOUT", fmt.Sprintf("%s did not answer within %v.", at, c.settings.Timeout),
			"Ask for less, raise the data source's timeout, or see what the aggregator is busy with.")
	case strings.Contains(text, "refused"):
		return say(502, "CONNECTION_REFUSED", at+" cannot be reached: nothing listens there.", "Start the aggregator, or correct host and port in the URL.")
	default:
		return say(502, "UNREACHABLE", at+" cannot be reached: "+withoutAddress(err)+".", "Check that it runs and that Grafana's server can reach it.")
	}
}

// refusal puts a status other than 2xx into words, the aggregator's own where it sent some.
func (c *client) refusal(response *http.Response) *upstreamError {
	status := response.StatusCode
	body, _ := readAtMost(response.Body, maxRefusalBytes)
	var sent struct {
		Error problem `json:"error"`
	}
	own := json.Unmarshal(body, &sent) == nil && sent.Error.Message != ""
	result := &upstreamError{problem: sent.Error, status: status}
	at := "The aggregator at " + c.settings.URL.String()
	switch {
	case status == http.StatusUnauthorized:
		result.problem = problem{"TOKEN_REFUSED", at + " refused the token.", "Enter a token whose SHA-256 is among those of a tenant in the aggregator's definition."}
		if c.settings.Token == "" {
			result.Message, result.Remedy = at+" wants a token, and none is set.", "Enter one in the data source's settings."
		}
	case status == http.StatusForbidden && own && c.settings.Tenant != "":
		result.Remedy = fmt.Sprintf("Use a token of tenant %q, or correct or empty the tenant in the data source's settings.", c.settings.Tenant)
	case status/100 == 3:
		result.status = http.StatusBadGateway
		result.problem = problem{"REDIRECTED", fmt.Sprintf("%s redirects to %s.", at, withoutUser(response)), "Enter the address where the aggregator itself answers."}
	case own && status == http.StatusTooManyRequests:
		if after := response.Header.Get("Retry-After"); after != "" {
			result.Remedy += fmt.Sprintf(" It may be tried again in %s s.", after)
		}
	case own && status >= 500:
		if id := response.Header.Get("X-Request-Id"); id != "" {
			result.Remedy += fmt.Sprintf(" (request %s)", id)
		}
	case !own:
		result.problem = problem{"UNEXPECTED_ANSWER", fmt.Sprintf("%s answered %d, and not in the aggregator's form.", at, status),
			"Check that the URL is the aggregator's own, and what stands between it and Grafana."}
		if status < 500 && status != http.StatusTooManyRequests {
			result.status = http.StatusBadGateway
		}
	}
	result.Message, result.Remedy = c.redact(result.Message), c.redact(result.Remedy)
	return result
}

// redact keeps the token out of every text, even where the other side repeats it.
func (c *client) redact(text string) string {
	if c.settings.Token == "" {
		return text
	}
	return strings.ReplaceAll(text, c.settings.Token, "[token]")
}

// withoutAddress leaves the cause of a failed request: what stands before it repeats method and address.
func withoutAddress(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
		if _, isNetwork := inner.(*net.OpError); isNetwork {
			break
		}
	}
	return err.Error()
}

func withoutUser(response *http.Response) string {
	to, err := response.Location()
	if err != nil {
		return "an address that is none"
	}
	to.User, to.RawQuery = nil, ""
	return to.String()
}
