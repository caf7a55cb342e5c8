package plugin

// Live channels: `q/<hash of the query>` within the data source. Grafana asks SubscribeStream for each viewer and runs RunStream once
// for all of a path's; RunStream holds one event stream to the aggregator open and goes on from its cursor whenever that one ends.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

const (
	// A full day of seconds for dozens of series stays below it.
	maxEventBytes = 32 << 20
	// The aggregator says something every 10 s; a connection that is silent for so long is dead.
	maxSilence = 35 * time.Second
	// A subscriber listens well within it after Grafana was told that it may.
	joinGrace = time.Second
	// Node refuses requests whose address and headers are above 16 KiB together.
	maxAddressBytes = 12 << 10

	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// One break, such as a restart behind a proxy, is nobody's business; from the second failure in a row on it is told.
	quietFailures = 1
)

// SubscribeStream lets a viewer in where the path is of ours and its data a query, and shows what the channel shows now.
func (d *Datasource) SubscribeStream(ctx context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	wanted, err := d.parseSubscription(req.Path, req.Data)
	if err != nil {
		backend.Logger.FromContext(ctx).Warn("a live channel was refused", "path", req.Path, "reason", err)
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	running := d.channels.get(req.Path)
	if running == nil {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}, nil
	}
	// A hash can be forged; nobody shall be shown the query of another.
	if running.spanMs != wanted.spanMs || string(running.query) != string(wanted.query) {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusPermissionDenied}, nil
	}
	response := &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}
	if now, err := running.join(); err != nil {
		return nil, err
	} else if now != nil {
		response.InitialData, err = backend.NewInitialData(now)
		return response, err
	}
	return response, nil
}

// PublishStream: data comes in through the aggregator, never through a panel.
func (d *Datasource) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream keeps a channel going until nobody listens to it any more.
func (d *Datasource) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	wanted, err := d.parseSubscription(req.Path, req.Data)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	// Nothing may be sent once this has returned.
	var welcoming sync.WaitGroup
	defer welcoming.Wait()
	defer end(nil)
	running := &channel{subscription: wanted, joined: make(chan struct{}, 1), end: end, send: sender.SendBytes}
	d.channels.start(req.Path, running)
	defer d.channels.stop(req.Path, running)
	welcoming.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-running.joined:
			}
			if d.sleep(ctx, joinGrace) != nil {
				return
			}
			if err := running.welcome(); err != nil {
				end(err)
			}
		}
	})
	headers := map[string]string{"Accept": "text/event-stream"}
	addUser(headers, req.PluginContext)
	f := &follower{Datasource: d, channel: running, headers: headers}
	// The first viewer joined before there was a channel.
	running.joined <- struct{}{}
	for failures := 0; ; {
		f.answered = false
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f.answered {
			failures = 0
		}
		failures++
		if err := f.tell(err, failures); err != nil {
			return err
		}
		if d.sleep(ctx, max(min(f.retryAfter, lastRetry), d.backoff(failures))) != nil {
			return context.Cause(ctx)
		}
	}
}

// backoff doubles from firstRetry to lastRetry; half of it is chance, so that channels do not come back all at once.
func (d *Datasource) backoff(failures int) time.Duration {
	wait := min(lastRetry, firstRetry<<min(failures-1, 10))
	return wait/2 + time.Duration(d.random()*float64(wait/2))
}

func (d *Datasource) parseSubscription(path string, data json.RawMessage) (subscription, error) {
	if d.invalid != nil {
		return subscription{}, d.invalid
	}
	hash, isQuery := strings.CutPrefix(path, "q/")
	if !isQuery {
		return subscription{}, errors.New("the path is not of the form q/<hash>")
	}
	var sent struct {
		Query  json.RawMessage `json:"query"`
		SpanMs int64           `json:"spanMs"`
	}
	if err := json.Unmarshal(data, &sent); err != nil {
		return subscription{}, errors.New("the data is not {query, spanMs}")
	}
	if canonical, err := stableJSON(data); err != nil || channelHash(canonical) != hash {
		return subscription{}, errors.New("the path is not the hash of the data")
	}
	fields, err := queryFields(sent.Query)
	if err != nil || len(fields) == 0 {
		return subscription{}, errors.New("the data has no query")
	}
	delete(fields, "refId")
	query, err := json.Marshal(fields)
	if err != nil || len(url.QueryEscape(string(query))) > maxAddressBytes {
		return subscription{}, fmt.Errorf("the query is longer than %d bytes", maxAddressBytes)
	}
	if sent.SpanMs == 0 {
		sent.SpanMs = d.settings.StreamSpanMs
	}
	return subscription{query, sent.SpanMs}, nil
}

// follower is one channel's way to the aggregator.
type follower struct {
	*Datasource
	*channel
	headers map[string]string
	// cursor of the last message that was shown; empty: start with a snapshot.
	cursor string
	// answered: something that can be shown came since the connection was made.
	answered bool
	// failing: the aggregator said on this connection that it cannot evaluate the query now.
	failing    bool
	retryAfter time.Duration
}

var (
	// errEnded: the aggregator closed the stream in good order.
	errEnded  = errors.New("the aggregator ended the stream")
	errSilent = &upstreamError{problem{"SILENT", fmt.Sprintf("The aggregator has sent nothing for %v.", maxSilence),
		"See whether it still runs, and whether a proxy in between buffers event streams."}, http.StatusGatewayTimeout, nil}
)

// follow shows one event stream until it ends; it never answers nil.
func (f *follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence, func() { cancel(errSilent) })
	defer silence.Stop()
	f.retryAfter, f.failing = 0, false
	parameters := url.Values{"transport": {"sse"}, "query": {string(f.query)}, "spanMs": {strconv.FormatInt(f.spanMs, 10)}}
	address := apiPath + "/live?" + parameters.Encode()
	// A cursor that does not fit is done without: a snapshot comes instead.
	if resume := "&resume=" + url.QueryEscape(f.cursor); f.cursor != "" && len(address)+len(resume) <= maxAddressBytes {
		address += resume
	}
	response, err := f.client.send(ctx, f.client.streams, request{http.MethodGet, address, nil, f.headers})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return f.client.refusal(response)
	}
	events := newEventReader(response.Body, maxEventBytes)
	for {
		event, err := events.next()
		if err != nil {
			if context.Cause(ctx) == errSilent {
				return errSilent
			}
			return f.client.failure(err)
		}
		silence.Reset(maxSilence)
		if err := f.handle(event); err != nil {
			return err
		}
	}
}

type liveMessage struct {
	Frames       []wireFrame `json:"frames"`
	Cursor       string      `json:"cursor"`
	Meta         liveMeta    `json:"meta"`
	Error        problem     `json:"error"`
	Ended        bool        `json:"ended"`
	Reason       string      `json:"reason"`
	RetryAfterMs int64       `json:"retryAfterMs"`
}

// handle shows one message. An error ends this connection.
func (f *follower) handle(event event) error {
	var message liveMessage
	if len(event.data) > 0 {
		if err := json.Unmarshal(event.data, &message); err != nil {
			return f.unusable(fmt.Errorf("a %s message is not what it should be", event.name))
		}
	}
	switch event.name {
	case "snapshot", "delta":
		if len(message.Frames) != 1 {
			return f.unusable(fmt.Errorf("a %s has %d frames", event.name, len(message.Frames)))
		}
		show := f.channel.snapshot
		if event.name == "delta" {
			show = f.channel.delta
		}
		if err := show(message.Frames[0], message.Meta); err != nil {
			return f.unusable(err)
		}
		f.cursor, f.answered, f.failing = message.Cursor, true, false
		return nil
	case "error":
		if message.Ended {
			f.cursor = ""
			return &upstreamError{problem: message.Error, status: http.StatusBadRequest}
		}
		f.failing = true
		return f.fail(message.Error)
	case "dropped":
		f.retryAfter = time.Duration(message.RetryAfterMs) * time.Millisecond
		return errEnded
	case "heartbeat":
		if f.failing {
			return nil
		}
		return f.recovered()
	default:
		// Comments, and what a newer aggregator may say besides.
		return nil
	}
}

// unusable: what was shown so far and what comes cannot be put together; the next connection starts from nothing.
func (f *follower) unusable(reason error) error {
	f.cursor = ""
	return malformed(reason.Error())
}

// tell shows to the viewers what they should know. It fails only when Grafana is gone.
func (f *follower) tell(err error, failures int) error {
	failure := f.client.failure(err)
	refused := failure.status/100 == 4 && failure.status != statusClientClosed
	if errors.Is(err, errEnded) || (failures <= quietFailures && !refused) {
		return nil
	}
	return f.fail(failure.problem)
}
