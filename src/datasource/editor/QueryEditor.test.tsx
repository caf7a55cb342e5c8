import { LoadingState, type DataFrame, type PanelData } from '@grafana/data';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { grafanaServer, lastHour, type Asked } from '../datasource.fixture';
import type { TidemarkQuery } from '../query/model';
import { QueryEditor } from './QueryEditor';

const catalog = {
  measures: [
    { name: 'events', kind: 'count', stats: ['value'], description: 'All events', unit: '', accuracy: 'exact', window: null },
    { name: 'latency', kind: 'quantiles', stats: ['p50', 'p95'], description: '', unit: 'ms', accuracy: '', window: null },
  ],
  dimensions: [{ name: 'country', path: 'geo.country' }],
  groupings: [],
};

interface Edited {
  readonly query: () => TidemarkQuery;
  readonly run: ReturnType<typeof vi.fn>;
}

/** The editor as Grafana holds it: what it changes is what it is given next. */
async function edit(first: Partial<TidemarkQuery>, data?: PanelData, answer: (asked: Asked) => unknown = () => catalog): Promise<Edited> {
  const { source } = grafanaServer(answer);
  const run = vi.fn();
  let now: TidemarkQuery = { refId: 'A', schemaVersion: 1, kind: 'metric', ...first };
  function Held() {
    const [query, setQuery] = useState(now);
    const change = (next: TidemarkQuery): void => {
      now = next;
      setQuery(next);
    };
    return (
      <QueryEditor
        datasource={source}
        query={query}
        onChange={change}
        onRunQuery={run}
        range={lastHour()}
        {...(data === undefined ? {} : { data })}
      />
    );
  }
  render(<Held />);
  // The catalogue has been read, or said why not.
  await screen.findByRole('radio', { name: 'Builder' });
  await vi.waitFor(() => expect(screen.queryByPlaceholderText('Loading the catalogue…')).toBeNull());
  return { query: () => now, run };
}

describe('the query editor', () => {
  it('checks names against the catalogue while the query is edited, and says what is worth knowing of a measure', async () => {
    await edit({ measure: 'evnts', groupBy: ['contry'], bucket: '10 s' });
    const words = screen.getAllByRole('alert').map(({ textContent }) => textContent);
    expect(words).toEqual([
      'There is no measure “evnts”. Did you mean events?',
      'There is no dimension “contry”. Did you mean country?',
      'Write auto, or a duration such as 30s, 5m, 1h or 1d.',
    ]);
  });

  it('asks what is chosen at once', async () => {
    const { query, run } = await edit({ measure: 'events' });
    expect(screen.getByText('All events · exact')).toBeTruthy();
    fireEvent.click(screen.getByRole('radio', { name: 'Events' }));
    // The events of the measure that was looked at.
    expect(query()).toMatchObject({ kind: 'events', measure: 'events' });
    expect(screen.getByLabelText(/^Events of/)).toBeTruthy();
    expect(query()).not.toHaveProperty('bucket');
    fireEvent.click(screen.getByRole('switch', { name: /Live/ }));
    expect(query().live).toBe(true);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('asks what is typed when the field is left, by Enter or by Ctrl+Enter, and not twice', async () => {
    const { query, run } = await edit({ measure: 'events' });
    const limit = screen.getByLabelText(/^Series/);
    fireEvent.change(limit, { target: { value: '5' } });
    expect(query().limit).toBe(5);
    expect(run).not.toHaveBeenCalled();
    fireEvent.blur(limit);
    fireEvent.blur(limit);
    expect(run).toHaveBeenCalledTimes(1);
    const legend = screen.getByLabelText(/^Legend/);
    fireEvent.change(legend, { target: { value: '{{country}}' } });
    fireEvent.keyDown(legend, { key: 'Enter' });
    expect(run).toHaveBeenCalledTimes(2);
    fireEvent.keyDown(legend, { key: 'Enter', ctrlKey: true });
    expect(run).toHaveBeenCalledTimes(3);
    fireEvent.change(legend, { target: { value: '' } });
    expect(query()).not.toHaveProperty('legend');
  });

  it('adds filters without asking before they are filled in, and removes them', async () => {
    const { query, run } = await edit({ measure: 'events', filters: [{ dimension: 'country', op: '=~', value: '(' }] });
    expect(screen.getByText('Not a pattern: Unterminated group.')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Add filter' }));
    expect(query().filters).toHaveLength(2);
    expect(screen.getByText('Choose a dimension.')).toBeTruthy();
    expect(run).not.toHaveBeenCalled();
    fireEvent.click(screen.getByRole('button', { name: 'Remove filter 2' }));
    fireEvent.click(screen.getByRole('button', { name: 'Remove filter 1' }));
    expect(query()).not.toHaveProperty('filters');
    expect(run).toHaveBeenCalled();
  });

  it('goes to JSON and back without losing anything, and keeps the fields of the text beside it for alert rules', async () => {
    const { query } = await edit({ measure: 'events', bucket: '1m', live: true });
    fireEvent.click(screen.getByRole('radio', { name: 'JSON' }));
    const text = screen.getByLabelText(/^Query as JSON/);
    expect(JSON.parse(String((text as HTMLTextAreaElement).value))).toEqual({ kind: 'metric', measure: 'events', bucket: '1m' });
    fireEvent.change(text, { target: { value: '{"kind": "metric", "measure": "latency", "stat": "p95"}' } });
    expect(query()).toMatchObject({ measure: 'latency', stat: ['p95'], editorMode: 'json', live: true });
    expect(query()).not.toHaveProperty('bucket');
    fireEvent.change(text, { target: { value: '{"kind": "metric", "measure": "laten' } });
    expect(screen.getByRole('alert').textContent).toMatch(/^Line 1, column \d+: /);
    fireEvent.change(text, { target: { value: '{"measure": "latenci"}' } });
    expect(screen.getByRole('alert').textContent).toBe('measure: There is no measure “latenci”. Did you mean latency?');
    fireEvent.change(text, { target: { value: '{"measure": "latency"}' } });
    fireEvent.click(screen.getByRole('radio', { name: 'Builder' }));
    expect(query()).toMatchObject({ kind: 'metric', measure: 'latency', editorMode: 'builder' });
    expect(query()).not.toHaveProperty('json');
    expect(query()).not.toHaveProperty('stat');
  });

  it('saves an older query in today’s form', async () => {
    const old = { schemaVersion: undefined, kind: undefined, metric: 'events', dimensions: ['country'] };
    const { query, run } = await edit(old as unknown as Partial<TidemarkQuery>);
    expect(query()).toMatchObject({ schemaVersion: 1, kind: 'metric', measure: 'events', groupBy: ['country'] });
    expect(run).not.toHaveBeenCalled();
  });

  it('can be used without a catalogue, and says why there is none', async () => {
    await edit({ measure: 'anything' }, undefined, () => {
      throw Object.assign(new Error('502'), { data: { error: { message: 'The aggregator does not answer.', remedy: 'Start it.' } } });
    });
    expect(await screen.findByText('The aggregator does not answer. Start it.')).toBeTruthy();
    expect(screen.queryByText(/There is no measure/)).toBeNull();
  });

  it('tells a detector only what differs from what it does by itself', async () => {
    const { query, run } = await edit({ kind: 'anomaly', measure: 'events', bucket: '1m' });
    expect(screen.getByLabelText(/^Detector/)).toBeTruthy();
    fireEvent.click(screen.getByRole('radio', { name: 'High' }));
    fireEvent.click(screen.getByRole('radio', { name: 'Too high' }));
    expect(query().detector).toEqual({ sensitivity: 'high', direction: 'up' });
    expect(run).toHaveBeenCalledTimes(2);
    const relative = screen.getByLabelText(/^and by/);
    fireEvent.change(relative, { target: { value: '20' } });
    expect(query().detector).toMatchObject({ minRelative: 0.2 });
    expect(run).toHaveBeenCalledTimes(2);
    fireEvent.blur(relative);
    expect(run).toHaveBeenCalledTimes(3);
    fireEvent.change(screen.getByLabelText(/^Buckets in a row/), { target: { value: '1.5' } });
    expect(screen.getByText('Write a whole number from 1.')).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/^Buckets in a row/), { target: { value: '' } });
    fireEvent.change(relative, { target: { value: '' } });
    fireEvent.click(screen.getByRole('radio', { name: 'Medium' }));
    fireEvent.click(screen.getByRole('radio', { name: 'Both' }));
    expect(query()).not.toHaveProperty('detector');
  });

  it('says what an anomaly query would have flagged, when it is asked to', async () => {
    const asked: Asked['data'][] = [];
    const answer = ({ url, data }: Asked): unknown => {
      if (!url.endsWith('/query')) return catalog;
      asked.push(data);
      if (data.from === 'now-7d') return { results: { A: { status: 400, error: 'A week is more than may be read.' } } };
      const anomaly = { series: 1, flagged: 12, episodes: 1, described: [{ name: 'events', flagged: 12, episodes: 1 }] };
      return { results: { A: { status: 200, frames: [{ schema: { meta: { custom: { anomaly, plan: { bucketMs: 60_000 } } } } }] } } };
    };
    await edit({ kind: 'anomaly', measure: 'events', bucket: '1m' }, undefined, answer);
    expect(asked).toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Preview' }));
    expect(
      await screen.findByText('Would have flagged 12 points (1 episode) in the last day; 1 series judged, in buckets of 1m.'),
    ).toBeTruthy();
    expect(screen.getByText('For the last week: A week is more than may be read.')).toBeTruthy();
    expect(asked).toHaveLength(2);
    fireEvent.click(screen.getByRole('radio', { name: 'Low' }));
    expect(screen.getByText('The query has changed since.')).toBeTruthy();
    expect(asked).toHaveLength(2);
  });

  it('previews nothing before one number is chosen to be judged', async () => {
    await edit({ kind: 'anomaly', measure: 'latency' });
    expect(screen.getByText('Choose one, such as p95.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Preview' }).getAttribute('aria-disabled')).toBe('true');
  });

  it('shows how the last answer came about, and the plan when it is opened', async () => {
    const frame: DataFrame = {
      refId: 'A',
      fields: [],
      length: 4,
      meta: {
        custom: { plan: { bucketMs: 10_000, reads: [{ tier: 'hot', durationMs: 3 }] } },
        executedQueryString: 'hot: the plan in words',
      },
    };
    await edit({ measure: 'events' }, { state: LoadingState.Done, series: [frame], timeRange: lastHour() });
    const line = screen.getByRole('button', { name: /hot · 10s buckets · 4 rows · 3.0 ms/ });
    expect(screen.queryByText('hot: the plan in words')).toBeNull();
    fireEvent.click(line);
    expect(screen.getByText('hot: the plan in words')).toBeTruthy();
    expect(line.getAttribute('aria-expanded')).toBe('true');
  });
});
