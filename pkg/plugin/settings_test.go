package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

func TestSettingsAreReadWithTheirDefaults(t *testing.T) {
	settings, err := parseSettings(settingsOf(" https://tide.example.com:8443/mark/ ", `"tenant":" shop "`, `"tlsServerName":"tide"`, `"tlsSkipVerify":true`))
	if err != nil {
		t.Fatal(err)
	}
	if settings.URL.String() != "https://tide.example.com:8443/mark" || settings.Tenant != "shop" || settings.Token != secret || settings.Timeout != 30*time.Second ||
		settings.StreamSpanMs != 900_000 || settings.TLS.ServerName != "tide" || !settings.TLS.InsecureSkipVerify {
		t.Errorf("%+v", settings)
	}
	settings, err = parseSettings(settingsOf("", `"timeoutMs":1500`, `"streamSpanMs":60000`))
	if err == nil {
		t.Errorf("without a URL: %+v", settings)
	}
	given := settingsOf("", `"timeoutMs":1500`, `"streamSpanMs":60000`)
	given.URL = "http://provisioned:4400"
	if settings, err = parseSettings(given); err != nil || settings.URL.Host != "provisioned:4400" || settings.Timeout != 1500*time.Millisecond || settings.StreamSpanMs != 60_000 {
		t.Errorf("with Grafana's own URL field: %v %+v", err, settings)
	}
}

func TestWrongSettingsAreToldInWordsAndWithoutSecrets(t *testing.T) {
	for name, test := range map[string]struct {
		given backend.DataSourceInstanceSettings
		words string
	}{
		"no URL":             {settingsOf(""), "URL is not set"},
		"another scheme":     {settingsOf("ftp://x"), "http://host:port"},
		"no host":            {settingsOf("http://"), "http://host:port"},
		"no address":         {settingsOf("http://[" + secret), "http://host:port"},
		"a password in it":   {settingsOf("http://me:" + secret + "@x:1"), "use the token field"},
		"a query in it":      {settingsOf("http://x?token=" + secret), "a query or a fragment"},
		"no JSON":            {backend.DataSourceInstanceSettings{JSONData: []byte(`{"url":1}`)}, "cannot be read"},
		"too short a time":   {settingsOf("http://x", `"timeoutMs":5`), "between 100 and 600000 ms"},
		"a negative time":    {settingsOf("http://x", `"timeoutMs":-1`), "between 100 and 600000 ms"},
		"a negative span":    {settingsOf("http://x", `"streamSpanMs":-1`), "live span is negative"},
		"a tenant of none":   {settingsOf("http://x", `"tenant":"a\nb"`), "The tenant has characters"},
		"no CA certificate":  {settingsOf("http://x", `"tlsAuthWithCACert":true`), "no CA certificate"},
		"no client key":      {settingsOf("http://x", `"tlsAuth":true`), "client certificate or its key is missing"},
		"a token of two":     {withSecrets(map[string]string{"token": "a " + secret}), "The token has spaces"},
		"a CA that is none":  {withSecrets(map[string]string{"tlsCACert": secret}, `"tlsAuthWithCACert":true`), "TLS settings cannot be used"},
		"a key that is none": {withSecrets(map[string]string{"tlsClientCert": secret, "tlsClientKey": secret}, `"tlsAuth":true`), "TLS settings cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			instance, err := New(t.Context(), test.given)
			if err != nil {
				t.Fatal(err)
			}
			d := instance.(*Datasource)
			if d.invalid == nil {
				t.Fatal("nothing is wrong with it")
			}
			health, err := d.CheckHealth(t.Context(), &backend.CheckHealthRequest{})
			if err != nil || health.Status != backend.HealthStatusError || !strings.Contains(health.Message, test.words) {
				t.Errorf("%v %+v", err, health)
			}
			if strings.Contains(health.Message, secret) {
				t.Errorf("a secret stands in %q", health.Message)
			}
			if answer := askOne(t, t.Context(), d, `{}`); answer.Error == nil || answer.Error.Error() != health.Message || answer.Status != 400 {
				t.Errorf("a query says %v %v", answer.Status, answer.Error)
			}
			d.Dispose()
		})
	}
}

func withSecrets(secrets map[string]string, stored ...string) backend.DataSourceInstanceSettings {
	given := settingsOf("https://x", stored...)
	given.DecryptedSecureJSONData = secrets
	return given
}
