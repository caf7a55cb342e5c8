package plugin

// One refId's part of the aggregator's answer, decoded by itself, so that a frame that is wrong fails its own query and no other.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

type sentResult struct {
	Status      int               `json:"status"`
	Error       string            `json:"error"`
	ErrorSource string            `json:"errorSource"`
	Frames      []json.RawMessage `json:"frames"`
}

// sentFrame is the part of a frame's JSON form that says where nulls may stand.
type sentFrame struct {
	Schema struct {
		Fields []struct {
			Name     string `json:"name"`
			TypeInfo struct {
				Nullable bool `json:"nullable"`
			} `json:"typeInfo"`
		} `json:"fields"`
	} `json:"schema"`
	Data struct {
		Values []json.RawMessage `json:"values"`
	} `json:"data"`
}

func malformed(what string) *upstreamError {
	text := "The aggregator's answer cannot be used: " + what + "."
	return &upstreamError{problem{"MALFORMED_ANSWER", text, "Check that the URL is the aggregator's own and that its version fits the plugin's."}, http.StatusBadGateway, nil}
}

func decodeResult(raw json.RawMessage) backend.DataResponse {
	var sent sentResult
	if err := json.Unmarshal(raw, &sent); err != nil {
		return malformed("a query's result has another form").response()
	}
	response := backend.DataResponse{Status: backend.Status(sent.Status)}
	if sent.Status == 0 {
		response.Status = backend.StatusOK
	}
	for index, rawFrame := range sent.Frames {
		frame, err := decodeFrame(rawFrame)
		if err != nil {
			return malformed(fmt.Sprintf("frame %d: %v", index, err)).response()
		}
		response.Frames = append(response.Frames, frame)
	}
	if sent.Error != "" || response.Status >= 400 {
		response.Error = errors.New(sent.Error)
		if sent.Error == "" {
			response.Error = fmt.Errorf("The aggregator answered this query with status %d and no reason.", response.Status)
		}
		if response.Status < 400 {
			response.Status = backend.StatusInternal
		}
		response.ErrorSource = backend.ErrorSourceFromHTTPStatus(int(response.Status))
		if source := backend.ErrorSource(sent.ErrorSource); source.IsValid() {
			response.ErrorSource = source
		}
	}
	return response
}

func decodeFrame(raw json.RawMessage) (frame *data.Frame, err error) {
	// The SDK's reader indexes by what it reads, so a frame that is wrong in the right place panics.
	defer func() {
		if reason := recover(); reason != nil {
			frame, err = nil, fmt.Errorf("it does not hold together (%v)", reason)
		}
	}()
	if err := checkNulls(raw); err != nil {
		return nil, err
	}
	frame = &data.Frame{}
	if err := json.Unmarshal(raw, frame); err != nil {
		return nil, err
	}
	if _, err := frame.RowLen(); err != nil {
		return nil, err
	}
	return frame, nil
}

// checkNulls: the SDK's reader takes a null in a field that is not nullable for 0, which would be a wrong number on a panel.
func checkNulls(raw json.RawMessage) error {
	var sent sentFrame
	if err := json.Unmarshal(raw, &sent); err != nil {
		return errors.New("it is not a data frame")
	}
	if len(sent.Data.Values) != 0 && len(sent.Data.Values) != len(sent.Schema.Fields) {
		return fmt.Errorf("it has %d fields and %d columns", len(sent.Schema.Fields), len(sent.Data.Values))
	}
	for index, values := range sent.Data.Values {
		field := sent.Schema.Fields[index]
		if field.TypeInfo.Nullable || !bytes.Contains(values, []byte("null")) {
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal(values, &list); err != nil {
			return fmt.Errorf("the column of %q is not a list", field.Name)
		}
		for _, value := range list {
			if string(value) == "null" {
				return fmt.Errorf("field %q has a null although it says that it has none", field.Name)
			}
		}
	}
	return nil
}
