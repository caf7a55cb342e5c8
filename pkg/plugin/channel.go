package plugin

// A live channel that runs: what it shows now, and who is told of it. Grafana runs one per path, whatever the number of viewers.

import (
	"encoding/json"
	"errors"
	"sync"
)

// subscription is what a channel is about: the data that its subscribers send.
type subscription struct {
	// Query as the aggregator takes it, keys in order.
	query  json.RawMessage
	spanMs int64
}

type channel struct {
	subscription
	// joined tells that somebody came; one waiting note is enough.
	joined chan struct{}
	end    func(error)

	lock    sync.Mutex
	send    func(packet []byte) error
	frame   *liveFrame
	trouble *problem
}

// snapshot shows a whole new frame.
func (c *channel) snapshot(sent wireFrame, meta liveMeta) error {
	frame, err := newLiveFrame(sent, meta)
	if err != nil {
		return err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.frame, c.trouble = frame, nil
	return c.sendWhole()
}

// delta shows changed rows: alone, unless what stands in the schema's meta has changed too.
func (c *channel) delta(sent wireFrame, meta liveMeta) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.frame == nil {
		return errors.New("a delta came before any snapshot")
	}
	before := c.frame.meta
	if err := c.frame.apply(sent.Data.Values, meta); err != nil {
		return err
	}
	var schema map[string]json.RawMessage
	if c.trouble != nil || !sameMark(before.PartialFrom, meta.PartialFrom) || before.Complete != meta.Complete {
		var err error
		if schema, err = c.frame.schemaWith(nil); err != nil {
			return err
		}
	}
	c.trouble = nil
	return c.sendPacket(schema, sent.Data.Values)
}

// fail shows what is wrong beside the rows that are known. The same trouble is told once.
func (c *channel) fail(trouble problem) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.trouble != nil && *c.trouble == trouble {
		return nil
	}
	c.trouble = &trouble
	return c.sendState()
}

// recovered takes the notice away once the aggregator answers again.
func (c *channel) recovered() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.trouble == nil {
		return nil
	}
	c.trouble = nil
	return c.sendState()
}

// welcome repeats everything for those who came since: what they missed between joining and listening would be missing for ever.
func (c *channel) welcome() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.sendWhole()
}

// join is told of a new subscriber. It answers with what the channel shows now, or nil where that is nothing yet.
func (c *channel) join() ([]byte, error) {
	select {
	case c.joined <- struct{}{}:
	default:
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.whole()
}

func (c *channel) whole() ([]byte, error) {
	frame := c.frame
	if frame == nil {
		if c.trouble == nil {
			return nil, nil
		}
		frame = &liveFrame{schema: map[string]json.RawMessage{"fields": json.RawMessage("[]")}}
	}
	schema, err := frame.schemaWith(c.trouble)
	if err != nil {
		return nil, err
	}
	return packet(schema, frame.columns)
}

func (c *channel) sendWhole() error {
	whole, err := c.whole()
	if err != nil || whole == nil {
		return err
	}
	return c.send(whole)
}

// sendState brings the schema with its meta and no rows; where rows have no time of their own every packet is the whole answer.
func (c *channel) sendState() error {
	if c.frame == nil || c.frame.meta.BucketMs == 0 {
		return c.sendWhole()
	}
	schema, err := c.frame.schemaWith(c.trouble)
	if err != nil {
		return err
	}
	return c.sendPacket(schema, noRows(c.frame.columns))
}

func (c *channel) sendPacket(schema map[string]json.RawMessage, columns [][]json.RawMessage) error {
	encoded, err := packet(schema, columns)
	if err != nil {
		return err
	}
	return c.send(encoded)
}

func sameMark(a, b *int64) bool {
	return a == b || (a != nil && b != nil && *a == *b)
}

// channels of one data source, by path.
type channels struct {
	lock    sync.Mutex
	running map[string]*channel
}

func (c *channels) get(path string) *channel {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.running[path]
}

func (c *channels) start(path string, started *channel) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.running == nil {
		c.running = map[string]*channel{}
	}
	c.running[path] = started
}

func (c *channels) stop(path string, stopped *channel) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.running[path] == stopped {
		delete(c.running, path)
	}
}

// endAll: Grafana runs the streams again, with the settings of then.
func (c *channels) endAll() {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, each := range c.running {
		each.end(errors.New("the data source's settings changed"))
	}
}
