import { describe, expect, it } from 'vitest';
import { LoadingState, toDataFrame } from '@grafana/data';
import { judgedFrame } from '../frames/frames.fixture';
import { seriesSetOf } from '../frames/series-set';
import { freshnessNote, panelState } from './panel-state';

const NOTHING = seriesSetOf([]);
const SOME = seriesSetOf([judgedFrame([1, 2], [0, 0])]);

describe('panelState', () => {
  it('loads only as long as there is nothing to show: a refresh keeps the picture', () => {
    expect(panelState({ state: LoadingState.Loading }, NOTHING, undefined)).toEqual({ kind: 'loading' });
    expect(panelState({ state: LoadingState.Loading }, SOME, undefined)).toEqual({ kind: 'ready', partialError: null });
  });

  it('tells an error from an empty answer', () => {
    expect(panelState({ state: LoadingState.Error, errors: [{ refId: 'A', message: 'No route.' }] }, NOTHING, undefined)).toEqual({
      kind: 'error',
      message: 'A: No route.',
    });
    expect(panelState({ state: LoadingState.Done }, NOTHING, undefined)).toEqual({ kind: 'empty', message: 'No data in this time range' });
    expect(panelState({ state: LoadingState.Done }, seriesSetOf([judgedFrame([null, null], [null, null])]), 'Nothing yet')).toEqual({
      kind: 'empty',
      message: 'Nothing yet',
    });
  });

  it('shows what was answered and says what was not', () => {
    expect(panelState({ state: LoadingState.Error, errors: [{ refId: 'B', message: 'Timed out.' }] }, SOME, undefined)).toEqual({
      kind: 'ready',
      partialError: 'B: Timed out.',
    });
  });

  it('names the query once', () => {
    const errors = [{ refId: 'B', message: 'Query B: no JSON.' }];
    expect(panelState({ state: LoadingState.Error, errors }, NOTHING, undefined)).toEqual({ kind: 'error', message: 'Query B: no JSON.' });
  });

  it('has words for an error that has none', () => {
    expect(panelState({ state: LoadingState.Error, error: {} }, NOTHING, undefined)).toMatchObject({
      kind: 'error',
      message: expect.stringMatching(/inspector/),
    });
  });

  it('says why an answer cannot be drawn', () => {
    const noTime = seriesSetOf([toDataFrame({ fields: [{ name: 'v', values: [1] }] })]);
    expect(panelState({ state: LoadingState.Done }, noTime, undefined)).toMatchObject({ kind: 'problem' });
  });
});

describe('freshnessNote', () => {
  const NOW = 1_000_000_000;
  const data = (freshness: object): { series: ReturnType<typeof toDataFrame>[] } => ({
    series: [
      toDataFrame({
        meta: { custom: { freshness: { nowMs: NOW, ageMs: 42_000, complete: true, reason: '', lag: 0, ...freshness } } },
        fields: [],
      }),
    ],
  });

  it('says how far data is behind, and why', () => {
    expect(freshnessNote(data({ complete: false, reason: 'Partition 3 lags.', lag: 18_234 }), NOW, 60_000)).toEqual({
      kind: 'behind',
      text: 'data is 42 s behind',
      detail: 'Partition 3 lags. 18,234 records are waiting.',
    });
  });

  it('tells silence from being behind', () => {
    expect(freshnessNote(data({ ageMs: 300_000 }), NOW, 60_000)).toMatchObject({ kind: 'quiet', text: 'last event 5 min ago' });
  });

  it('is silent while data is as fresh as its buckets are wide', () => {
    expect(freshnessNote(data({}), NOW, 60_000)).toBeNull();
    expect(freshnessNote(data({}), NOW, 1_000)).toMatchObject({ kind: 'quiet' });
  });

  it('is silent about what lies after the time range', () => {
    expect(freshnessNote(data({ complete: false }), NOW - 60_000, 60_000)).toBeNull();
  });

  it('is silent where no answer says anything', () => {
    expect(freshnessNote({ series: [] }, NOW, 60_000)).toBeNull();
  });
});
