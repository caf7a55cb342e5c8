// The built backend, started as Grafana starts it (go-plugin handshake, gRPC, protocol 2), against a real aggregator.
package backend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// world is what all tests share: one aggregator with known events, one backend process.
type world struct {
	aggregator  *aggregator
	log         *outputTail
	data        pluginv2.DataClient
	diagnostics pluginv2.DiagnosticsClient
	resource    pluginv2.ResourceClient
	stream      pluginv2.StreamClient
}

var shared world

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	build := exec.Command("node", filepath.Join(repositoryRoot(), "scripts", "build-backend.mjs"))
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("the backend does not build: %w\n%s", err, output)
	}
	folder, err := os.MkdirTemp("", "tidemark-backend-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	if shared.aggregator, err = startAggregator(folder, "TIDEMARK_TENANTS_DEFAULT_TOKENS="+token); err != nil {
		return 1, err
	}
	defer shared.aggregator.stop()
	stop, err := shared.launch()
	if err != nil {
		return 1, err
	}
	defer stop()
	return m.Run(), nil
}

func (w *world) launch() (stop func(), err error) {
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	binary := filepath.Join(repositoryRoot(), "dist", "datasource", fmt.Sprintf("gpx_tidemark_%s_%s%s", runtime.GOOS, runtime.GOARCH, suffix))
	w.log = &outputTail{}
	process := goplugin.NewClient(&goplugin.ClientConfig{
		Cmd: exec.Command(binary),
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: grpcplugin.ProtocolVersion, MagicCookieKey: grpcplugin.MagicCookieKey, MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{grpcplugin.ProtocolVersion: {
			"data": &grpcplugin.DataGRPCPlugin{}, "diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
			"resource": &grpcplugin.ResourceGRPCPlugin{}, "stream": &grpcplugin.StreamGRPCPlugin{},
		}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: w.log}),
	})
	connection, err := process.Client()
	if err != nil {
		process.Kill()
		return nil, err
	}
	dispense := func(name string) any {
		client, dispenseErr := connection.Dispense(name)
		if dispenseErr != nil {
			err = dispenseErr
		}
		return client
	}
	var complete [4]bool
	w.data, complete[0] = dispense("data").(pluginv2.DataClient)
	w.diagnostics, complete[1] = dispense("diagnostics").(pluginv2.DiagnosticsClient)
	w.resource, complete[2] = dispense("resource").(pluginv2.ResourceClient)
	w.stream, complete[3] = dispense("stream").(pluginv2.StreamClient)
	if err == nil && complete != [4]bool{true, true, true, true} {
		err = fmt.Errorf("the backend lacks a service: %v", complete)
	}
	return process.Kill, err
}

// configured is a data source as Grafana would hand it over with each call.
type configured struct {
	id      int64
	url     string
	token   string
	more    map[string]any
	updated time.Time
}

func theDatasource() configured {
	return configured{id: 1, url: shared.aggregator.url, token: token}
}

func (c configured) context(t *testing.T) *pluginv2.PluginContext {
	t.Helper()
	stored := map[string]any{"url": c.url}
	for name, value := range c.more {
		stored[name] = value
	}
	encoded, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	return backend.ToProto().PluginContext(backend.PluginContext{
		OrgID: 1, PluginID: "tidemark-realtime-datasource", User: &backend.User{Login: "jürgen", Role: "Viewer"},
		DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{
			ID: c.id, UID: fmt.Sprintf("uid-%d", c.id), Type: "tidemark-realtime-datasource", JSONData: encoded,
			DecryptedSecureJSONData: map[string]string{"token": c.token}, Updated: c.updated,
		},
	})
}

// within gives a test's call a deadline, so that a hanging call fails its own test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func noSecretIn(t *testing.T, where, text string) {
	t.Helper()
	if strings.Contains(text, token) {
		t.Errorf("the token stands in %s: %s", where, text)
	}
}
