package plugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/experimental"
)

// The answers are the aggregator's own, one per kind of frame; the golden files say what Grafana gets.
func TestEveryKindOfFrameIsDecodedAsItsGoldenFileSays(t *testing.T) {
	answers, err := filepath.Glob("testdata/*.answer.json")
	if err != nil || len(answers) == 0 {
		t.Fatal("there are no answers in testdata", err)
	}
	for _, path := range answers {
		name := strings.TrimSuffix(filepath.Base(path), ".answer.json")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			response := decodeResult(raw)
			if response.Error != nil {
				t.Fatal(response.Error)
			}
			experimental.CheckGoldenJSONResponse(t, "testdata", name+".golden", &response, os.Getenv("UPDATE_GOLDEN") != "")
		})
	}
}

func frameJSON(fields, data string) string {
	return `{"status":200,"frames":[{"schema":{"refId":"A","fields":[` + fields + `]},"data":{` + data + `}}]}`
}

const (
	timeField     = `{"name":"time","type":"time","typeInfo":{"frame":"time.Time","nullable":false}}`
	valueField    = `{"name":"v","type":"number","typeInfo":{"frame":"float64","nullable":true}}`
	strictField   = `{"name":"v","type":"number","typeInfo":{"frame":"float64"}}`
	textField     = `{"name":"s","type":"string","typeInfo":{"frame":"string","nullable":true}}`
	strictText    = `{"name":"s","type":"string","typeInfo":{"frame":"string"}}`
	unknownField  = `{"name":"v","type":"number","typeInfo":{"frame":"quaternion"}}`
	typelessField = `{"name":"v","type":"number"}`
)

func TestAFrameThatIsWrongFailsItsOwnQueryInWords(t *testing.T) {
	for name, test := range map[string]struct{ raw, words string }{
		"a null in a field that has none":      {frameJSON(timeField+","+strictField, `"values":[[1,2],[1.5,null]]`), `field "v" has a null`},
		"a null among times":                   {frameJSON(timeField+","+valueField, `"values":[[1,null],[1,2]]`), `field "time" has a null`},
		"a null among strings":                 {frameJSON(strictText, `"values":[["null",null]]`), `field "s" has a null`},
		"columns of unequal length":            {frameJSON(timeField+","+valueField, `"values":[[1,2],[1]]`), "frame 0"},
		"more columns than fields":             {frameJSON(timeField, `"values":[[1],[2]]`), "1 fields and 2 columns"},
		"fewer columns than fields":            {frameJSON(timeField+","+valueField, `"values":[[1]]`), "2 fields and 1 columns"},
		"text for a number":                    {frameJSON(valueField, `"values":[["abc"]]`), "frame 0"},
		"an unknown type":                      {frameJSON(unknownField, `"values":[[1]]`), "frame 0"},
		"no type":                              {frameJSON(typelessField, `"values":[[1]]`), "frame 0"},
		"entities beyond its fields":           {frameJSON(valueField, `"values":[[1]],"entities":[null,{"NaN":[0]}]`), "does not hold together"},
		"entities beyond its rows":             {frameJSON(valueField, `"values":[[1]],"entities":[{"NaN":[7]}]`), "does not hold together"},
		"no frame":                             {`{"status":200,"frames":[7]}`, "not a data frame"},
		"a status without a reason":            {`{"status":503,"frames":[]}`, "status 503 and no reason"},
		"an error without a status":            {`{"error":"why","frames":[]}`, "why"},
		"a column that is none, where it must": {frameJSON(strictField, `"values":[{"null":1}]`), "is not a list"},
	} {
		t.Run(name, func(t *testing.T) {
			response := decodeResult(json.RawMessage(test.raw))
			if response.Error == nil || !strings.Contains(response.Error.Error(), test.words) || response.Status < 400 || response.ErrorSource != backend.ErrorSourceDownstream {
				t.Errorf("%v %v %v", response.Status, response.ErrorSource, response.Error)
			}
		})
	}
}

func TestNullsStayNullsWhereTheyMayStand(t *testing.T) {
	response := decodeResult(json.RawMessage(frameJSON(timeField+","+valueField+","+textField, `"values":[[1,2,3],[1.5,null,0],["null",null,""]]`)))
	if response.Error != nil {
		t.Fatal(response.Error)
	}
	fields := response.Frames[0].Fields
	if !fields[1].NilAt(1) || fields[1].NilAt(2) || fields[2].NilAt(0) || !fields[2].NilAt(1) || fields[2].NilAt(2) {
		t.Errorf("%v", response.Frames[0])
	}
}

func TestStatusAndSourceOfOneQueryAreKept(t *testing.T) {
	for raw, expected := range map[string]backend.DataResponse{
		`{"status":400,"error":"wrong","frames":[]}`:                        {Status: 400, ErrorSource: "downstream"},
		`{"status":429,"error":"wrong","frames":[]}`:                        {Status: 429, ErrorSource: "downstream"},
		`{"status":504,"error":"wrong","errorSource":"plugin"}`:             {Status: 504, ErrorSource: "plugin"},
		`{"status":501,"error":"wrong"}`:                                    {Status: 501, ErrorSource: "plugin"},
		`{"status":500,"error":"wrong","errorSource":"elsewhere"}`:          {Status: 500, ErrorSource: "downstream"},
		`{"status":200,"error":"an error, whatever the status, is an one"}`: {Status: 500, ErrorSource: "downstream"},
	} {
		got := decodeResult(json.RawMessage(raw))
		if got.Error == nil || got.Status != expected.Status || got.ErrorSource != expected.ErrorSource {
			t.Errorf("%s: %v %v %v", raw, got.Status, got.ErrorSource, got.Error)
		}
	}
}

func FuzzDecodeResult(f *testing.F) {
	f.Add([]byte(frameJSON(timeField+","+valueField, `"values":[[1,2],[1.5,null]]`)))
	f.Add([]byte(frameJSON(valueField, `"values":[[1]],"entities":[null,{"NaN":[0]}],"nanos":[[1]]`)))
	f.Add([]byte(`{"status":400,"error":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		response := decodeResult(raw)
		for _, frame := range response.Frames {
			if _, err := frame.MarshalJSON(); err != nil && response.Error == nil {
				t.Errorf("a frame was let through that cannot be written: %v", err)
			}
		}
	})
}
