package plugin

// Settings of a data source, checked once. An error here is a sentence for the person in the config editor; it never has a secret in it.

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

const (
	defaultTimeout = 30 * time.Second
	minTimeout     = 100 * time.Millisecond
	maxTimeout     = 10 * time.Minute
	// What the hot tier keeps by the second.
	defaultStreamSpan = 15 * time.Minute
)

// Settings is what a data source works with.
type Settings struct {
	// URL of the aggregator, without a slash at its end.
	URL *url.URL
	// Tenant that the token must belong to; empty: whichever it belongs to.
	Tenant  string
	Token   string
	Timeout time.Duration
	// StreamSpanMs is how much history a live channel starts with when its subscriber does not say.
	StreamSpanMs int64
	TLS          httpclient.TLSOptions
}

type storedSettings struct {
	URL               string  `json:"url"`
	Tenant            string  `json:"tenant"`
	TimeoutMs         float64 `json:"timeoutMs"`
	StreamSpanMs      float64 `json:"streamSpanMs"`
	TLSSkipVerify     bool    `json:"tlsSkipVerify"`
	TLSServerName     string  `json:"tlsServerName"`
	TLSAuth           bool    `json:"tlsAuth"`
	TLSAuthWithCACert bool    `json:"tlsAuthWithCACert"`
}

func parseSettings(given backend.DataSourceInstanceSettings) (Settings, error) {
	var stored storedSettings
	if len(given.JSONData) > 0 {
		if err := json.Unmarshal(given.JSONData, &stored); err != nil {
			return Settings{}, fmt.Errorf("The data source's settings cannot be read: %w. Save them again, or correct the provisioning file.", err)
		}
	}
	address, err := parseURL(stored.URL, given.URL)
	if err != nil {
		return Settings{}, err
	}
	secrets := given.DecryptedSecureJSONData
	settings := Settings{
		URL:          address,
		Tenant:       strings.TrimSpace(stored.Tenant),
		Token:        strings.TrimSpace(secrets["token"]),
		Timeout:      defaultTimeout,
		StreamSpanMs: int64(stored.StreamSpanMs),
		TLS:          httpclient.TLSOptions{InsecureSkipVerify: stored.TLSSkipVerify, ServerName: strings.TrimSpace(stored.TLSServerName)},
	}
	if stored.TimeoutMs != 0 {
		settings.Timeout = time.Duration(stored.TimeoutMs * float64(time.Millisecond))
	}
	if settings.StreamSpanMs == 0 {
		settings.StreamSpanMs = defaultStreamSpan.Milliseconds()
	}
	if settings.Timeout < minTimeout || settings.Timeout > maxTimeout {
		return Settings{}, fmt.Errorf("The timeout is %v ms. Give one between %d and %d ms.", stored.TimeoutMs, minTimeout.Milliseconds(), maxTimeout.Milliseconds())
	}
	if stored.StreamSpanMs < 0 {
		return Settings{}, errors.New("The live span is negative. Give how many milliseconds of history a live panel starts with, or leave it empty.")
	}
	if !isHeaderText(settings.Token) {
		return Settings{}, errors.New("The token has spaces, line breaks or characters in it that no token has. Paste it again.")
	}
	if !isHeaderText(settings.Tenant) {
		return Settings{}, errors.New("The tenant has characters in it that no tenant's name has. Correct it, or leave it empty.")
	}
	return settings, addCertificates(&settings.TLS, stored, secrets)
}

// parseURL takes the plugin's own field, or else the one that Grafana has for every data source.
func parseURL(own, grafanas string) (*url.URL, error) {
	text := strings.TrimSpace(own)
	if text == "" {
		text = strings.TrimSpace(grafanas)
	}
	if text == "" {
		return nil, errors.New("The aggregator's URL is not set. Enter it, for example http://localhost:4400.")
	}
	// Not Parse's own error: it repeats the whole text, which may have a password in it.
	address, err := url.Parse(text)
	if err != nil || (address.Scheme != "http" && address.Scheme != "https") || address.Hostname() == "" {
		return nil, errors.New("The aggregator's URL is not an address of the form http://host:port or https://host:port. Correct it.")
	}
	if address.User != nil {
		return nil, errors.New("The aggregator's URL has a user or password in it. Take them out and use the token field: the URL is not kept secret.")
	}
	if address.RawQuery != "" || address.Fragment != "" {
		return nil, errors.New("The aggregator's URL has a query or a fragment. Enter only the address, for example http://localhost:4400.")
	}
	address.Path = strings.TrimRight(address.Path, "/")
	address.RawPath = ""
	return address, nil
}

func addCertificates(options *httpclient.TLSOptions, stored storedSettings, secrets map[string]string) error {
	if stored.TLSAuthWithCACert {
		if options.CACertificate = secrets["tlsCACert"]; options.CACertificate == "" {
			return errors.New("'With CA cert' is on, but no CA certificate is given. Paste it in PEM form, or switch the option off.")
		}
	}
	if stored.TLSAuth {
		options.ClientCertificate, options.ClientKey = secrets["tlsClientCert"], secrets["tlsClientKey"]
		if options.ClientCertificate == "" || options.ClientKey == "" {
			return errors.New("'TLS client authentication' is on, but the client certificate or its key is missing. Paste both in PEM form, or switch the option off.")
		}
	}
	return nil
}

// isHeaderText: only what may stand in an HTTP header as one word.
func isHeaderText(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
