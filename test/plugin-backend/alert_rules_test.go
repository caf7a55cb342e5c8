package backend_test

// The alert rules that come with Tidemark, asked as Grafana's alerting asks: from the file, past any browser, and read by its library.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"go.yaml.in/yaml/v3"
)

type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Title string `yaml:"title"`
			Data  []struct {
				RefID             string                   `yaml:"refId"`
				DatasourceUID     string                   `yaml:"datasourceUid"`
				RelativeTimeRange struct{ From, To int64 } `yaml:"relativeTimeRange"`
				Model             map[string]any           `yaml:"model"`
			} `yaml:"data"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func TestTheBundledAlertRulesGetNumbersThatAlertingReads(t *testing.T) {
	var file ruleFile
	for _, name := range []string{"rules-shop.yaml", "rules-anomalies.yaml"} {
		raw, err := os.ReadFile(filepath.Join(repositoryRoot(), "provisioning", "alerting", name))
		if err != nil {
			t.Fatal(err)
		}
		var one ruleFile
		if err := yaml.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		file.Groups = append(file.Groups, one.Groups...)
	}
	// The same measures as webshop.yaml, with events of its own making.
	demo, err := startDefinition("definitions/demo.yaml", "/readyz", t.TempDir(), "TIDEMARK_TENANTS_DEFAULT_TOKENS="+token, "TIDEMARK_SOURCE_DEMO_HISTORY=70m", "TIDEMARK_SOURCE_DEMO_RATE=2",
		"TIDEMARK_QUERY_DEADLINE=60s")
	if err != nil {
		t.Fatal(err)
	}
	defer demo.stop()
	datasource := theDatasource()
	// Long, because a busy machine is no defect of a rule.
	datasource.id, datasource.url, datasource.more = 60, demo.url, map[string]any{"timeoutMs": 80_000}
	eventually(t, 180*time.Second, "the events of the last hour are there", func() bool {
		now := time.Now()
		total := query{refID: "A", model: `{"measure":"events","format":"total"}`, from: now.Add(-time.Minute), to: now}
		_, sum := readAsGrafana(t, ask(t, datasource, nil, total)["A"].Frames, data.FrameTypeNumericWide)
		return sum > 0
	})
	asked := 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			for _, each := range rule.Data {
				if each.DatasourceUID != "tidemark" {
					continue
				}
				asked++
				t.Run(rule.Title+", "+each.RefID, func(t *testing.T) {
					model, err := json.Marshal(each.Model)
					if err != nil {
						t.Fatal(err)
					}
					now := time.Now()
					answer := ask(t, datasource, map[string]string{backend.FromAlertHeaderName: "true"}, query{
						refID: each.RefID, model: string(model),
						from: now.Add(-time.Duration(each.RelativeTimeRange.From) * time.Second), to: now.Add(-time.Duration(each.RelativeTimeRange.To) * time.Second),
					})[each.RefID]
					if answer.Error != nil {
						t.Fatal(answer.Error)
					}
					expected := data.FrameTypeTimeSeriesWide
					if each.Model["format"] == "total" {
						expected = data.FrameTypeNumericWide
					}
					if refs, _ := readAsGrafana(t, answer.Frames, expected); refs == 0 {
						t.Error("there are no numbers in it")
					}
				})
			}
		}
	}
	if asked < 6 {
		t.Errorf("only %d queries were found in the files", asked)
	}
}
