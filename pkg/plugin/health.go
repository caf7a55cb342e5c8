package plugin

// 'Save & test': can the aggregator be reached, does it take the token, are its stores there; and if not, what to do.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

type dependency struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

type readiness struct {
	Ready        *bool        `json:"ready"`
	Dependencies []dependency `json:"dependencies"`
}

type aggregatorStatus struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	WatermarkMs int64  `json:"watermarkMs"`
	Complete    bool   `json:"complete"`
	Reason      string `json:"reason"`
}

// CheckHealth asks for readiness, which needs no token, then for the status, which does.
func (d *Datasource) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	if d.invalid != nil {
		return unhealthy(d.invalid.Error(), nil), nil
	}
	ready, err := d.askReadiness(ctx)
	if err != nil {
		return unhealthy(d.client.failure(err).Error(), nil), nil
	}
	raw, err := d.client.read(ctx, request{method: http.MethodGet, path: apiPath + "/status"})
	var status aggregatorStatus
	if err == nil && json.Unmarshal(raw, &status) != nil {
		err = malformed("its status has another form")
	}
	if err != nil {
		failure := d.client.failure(err)
		// A store that is down may be the reason; but a token that is refused is wrong whatever the stores do.
		if *ready.Ready || failure.status == http.StatusUnauthorized || failure.status == http.StatusForbidden {
			return unhealthy(failure.Error(), ready), nil
		}
	}
	if !*ready.Ready {
		return unhealthy(d.client.redact(notReady(d.client.settings.URL.String(), ready)), ready), nil
	}
	message := fmt.Sprintf("The aggregator %q at %s answers, and everything that it needs is there.", status.Name, d.client.settings.URL)
	switch {
	case !status.Complete && status.Reason != "":
		message += " The newest data may be incomplete: " + status.Reason
	case status.WatermarkMs > 0:
		message += " Data is complete until " + time.UnixMilli(status.WatermarkMs).UTC().Format(time.RFC3339) + "."
	default:
		message += " No events have come yet."
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: d.client.redact(message), JSONDetails: details(ready)}, nil
}

// askReadiness takes 503 for an answer: it says which dependency is missing.
func (d *Datasource) askReadiness(ctx context.Context) (*readiness, error) {
	response, err := d.client.send(ctx, d.client.requests, request{method: http.MethodGet, path: "/readyz"})
	if err != nil {
		return nil, err
	}
	defer drain(response.Body)
	isAnswer := response.StatusCode == http.StatusOK || response.StatusCode == http.StatusServiceUnavailable
	if !isAnswer && response.StatusCode != http.StatusNotFound {
		return nil, d.client.refusal(response)
	}
	body, err := readAtMost(response.Body, maxRefusalBytes)
	if err != nil {
		return nil, err
	}
	var ready readiness
	if !isAnswer || json.Unmarshal(body, &ready) != nil || ready.Ready == nil {
		return nil, &upstreamError{problem{"NOT_AN_AGGREGATOR", fmt.Sprintf("What answers at %s is not a Tidemark aggregator.", d.client.settings.URL),
			"Enter the aggregator's own URL, without a path, for example http://localhost:4400."}, http.StatusBadGateway, errors.New("not an aggregator")}
	}
	return &ready, nil
}

func notReady(at string, ready *readiness) string {
	var missing []string
	for _, each := range ready.Dependencies {
		if !each.OK {
			missing = append(missing, fmt.Sprintf("%s: %s", each.Name, strings.TrimRight(each.Detail, ".")))
		}
	}
	if len(missing) == 0 {
		return fmt.Sprintf("The aggregator at %s answers but is not ready yet. Try again in a few seconds, or see its log.", at)
	}
	return fmt.Sprintf("The aggregator at %s answers, but it lacks what it needs. %s. Start or repair that, or correct its address in the aggregator's definition; "+
		"panels go on with what is there.", at, strings.Join(missing, "; "))
}

func unhealthy(message string, ready *readiness) *backend.CheckHealthResult {
	return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: message, JSONDetails: details(ready)}
}

// details are for the pages: each dependency with its own words.
func details(ready *readiness) []byte {
	if ready == nil {
		return nil
	}
	encoded, err := json.Marshal(map[string]any{"ready": ready.Ready, "dependencies": ready.Dependencies})
	if err != nil {
		return nil
	}
	return encoded
}
