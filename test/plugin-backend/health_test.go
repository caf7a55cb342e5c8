package backend_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

func TestSaveAndTestSaysInWordsHowItIs(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	closed.Close()
	for id, test := range map[int64]struct {
		name   string
		change func(*configured)
		ok     bool
		words  []string
	}{
		10: {"all is well", func(*configured) {}, true, []string{`"backend-test"`, "everything that it needs is there"}},
		11: {"a wrong token", func(c *configured) { c.token = "another-token" }, false, []string{"refused the token", "SHA-256"}},
		12: {"no token", func(c *configured) { c.token = "" }, false, []string{"wants a token, and none is set"}},
		13: {"a foreign tenant", func(c *configured) { c.more = map[string]any{"tenant": "elsewhere"} }, false, []string{"tenant", `"elsewhere"`}},
		14: {"nobody listens", func(c *configured) { c.url = nobody }, false, []string{nobody, "nothing listens there", "Start the aggregator"}},
		15: {"an unknown name", func(c *configured) { c.url = "http://aggregator.invalid:4400" }, false, []string{"aggregator.invalid", "cannot be resolved"}},
		16: {"TLS where there is none", func(c *configured) { c.url = strings.Replace(c.url, "http:", "https:", 1) }, false, []string{"does not speak TLS", "http://"}},
		17: {"no URL", func(c *configured) { c.url = "" }, false, []string{"URL is not set"}},
		18: {"a URL with a path that is not the aggregator's", func(c *configured) { c.url += "/grafana" }, false, []string{"not a Tidemark aggregator", "own URL"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			datasource := theDatasource()
			datasource.id = id
			test.change(&datasource)
			result, err := shared.diagnostics.CheckHealth(within(t, 20*time.Second), &pluginv2.CheckHealthRequest{PluginContext: datasource.context(t)})
			if err != nil {
				t.Fatal(err)
			}
			if ok := result.Status == pluginv2.CheckHealthResponse_OK; ok != test.ok {
				t.Errorf("status %v: %s", result.Status, result.Message)
			}
			for _, words := range test.words {
				if !strings.Contains(result.Message, words) {
					t.Errorf("%q does not say %q", result.Message, words)
				}
			}
			noSecretIn(t, "the message", result.Message+string(result.JsonDetails))
		})
	}
	noSecretIn(t, "the backend's log", shared.log.String())
}

func TestSaveAndTestNamesTheStoreThatIsDown(t *testing.T) {
	own, err := startDefinition("test/plugin-backend/shop.yaml", "/healthz", t.TempDir(), "TIDEMARK_TENANTS_DEFAULT_TOKENS="+token, "TIDEMARK_HOT_KIND=redis", "TIDEMARK_HOT_REDIS_NODES=127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer own.stop()
	for id, given := range map[int64]struct{ token, words string }{50: {token, "hot tier: The hot tier is not connected to Redis"}, 51: {"another-token", "refused the token"}} {
		datasource := configured{id: id, url: own.url, token: given.token}
		result, err := shared.diagnostics.CheckHealth(within(t, 20*time.Second), &pluginv2.CheckHealthRequest{PluginContext: datasource.context(t)})
		if err != nil || result.Status != pluginv2.CheckHealthResponse_ERROR || !strings.Contains(result.Message, given.words) {
			t.Errorf("%v %v", err, result)
		}
		if !strings.Contains(string(result.JsonDetails), `"name":"hot tier","ok":false`) {
			t.Errorf("the details do not list the dependencies: %s", result.JsonDetails)
		}
	}
}
