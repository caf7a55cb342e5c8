// Package plugin is the thin backend of the data source: it adds the token, forwards queries, resources and live channels to the
// aggregator, and hands the answers on. It decides nothing that the aggregator can decide.
package plugin

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
)

// ID is the data source's plugin id, as in its plugin.json.
const ID = "tidemark-realtime-datasource"

// Datasource is one configured data source. Grafana makes a new one when the settings change, and disposes of the old one.
type Datasource struct {
	settings Settings
	client   *client
	channels channels
	// invalid says in words what is wrong with the settings; nothing is asked of the aggregator then.
	invalid error
	random  func() float64
	sleep   func(ctx context.Context, d time.Duration) error
}

var (
	_ backend.QueryDataHandler      = (*Datasource)(nil)
	_ backend.CheckHealthHandler    = (*Datasource)(nil)
	_ backend.CallResourceHandler   = (*Datasource)(nil)
	_ backend.StreamHandler         = (*Datasource)(nil)
	_ instancemgmt.InstanceDisposer = (*Datasource)(nil)
)

// New makes a data source from Grafana's settings. Wrong settings are no error here: they are told, in words, to whoever asks.
func New(_ context.Context, given backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	d := &Datasource{random: rand.Float64, sleep: sleep}
	if d.settings, d.invalid = parseSettings(given); d.invalid == nil {
		d.client, d.invalid = newClient(d.settings)
	}
	return d, nil
}

// Dispose ends the live streams and closes the pool's idle connections. Queries that are running end by themselves.
func (d *Datasource) Dispose() {
	d.channels.endAll()
	if d.client != nil {
		d.client.close()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
