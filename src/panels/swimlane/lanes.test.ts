import { describe, expect, it } from 'vitest';
import { FieldType, toDataFrame, type DataFrame } from '@grafana/data';
import { judgedFrame, MINUTE, minutes, START } from '../frames/frames.fixture';
import { seriesSetOf } from '../frames/series-set';
import { mix } from './draw-lanes';
import { hitByKey } from './LaneCanvas';
import { hitAt, lanesOf, neighbour, type LaneGeometry } from './lanes';
import { tickFormat, timeTicks } from './ticks';

function scored(name: string, scores: (number | null)[], custom: object = {}): DataFrame {
  return toDataFrame({
    meta: { custom },
    fields: [
      { name: 'Time', type: FieldType.time, values: minutes(scores.length) },
      { name, type: FieldType.number, values: scores.map(() => 1) },
      { name: 'score', type: FieldType.number, values: scores },
      { name: 'anomalous', type: FieldType.number, values: scores.map((score) => (score === null ? null : Number(score >= 0.5))) },
    ],
  });
}

const names = (frames: DataFrame[], ranking: 'peak' | 'current' | 'name', onlyAnomalous = false): string[] =>
  lanesOf(seriesSetOf(frames), { ranking, onlyAnomalous }).map((lane) => lane.series.field.name);

describe('lanesOf', () => {
  const frames = [scored('calm', [0.1, 0.1, 0.2]), scored('was bad', [0.9, 0.1, 0.1]), scored('is bad', [0.1, 0.1, 0.7])];

  it('ranks by the worst moment, by now, or by name', () => {
    expect(names(frames, 'peak')).toEqual(['was bad', 'is bad', 'calm']);
    expect(names(frames, 'current')).toEqual(['is bad', 'calm', 'was bad']);
    expect(names(frames, 'name')).toEqual(['calm', 'is bad', 'was bad']);
  });

  it('leaves out series without anomalies when asked', () => {
    expect(names(frames, 'peak', true)).toEqual(['was bad', 'is bad']);
  });

  it('does not rank by a bucket that is still filling', () => {
    const partial = scored('filling', [0.1, 0.1, 0.99], { partialFrom: START + 2 * MINUTE });
    expect(names([partial, scored('real', [0.1, 0.6, 0.6])], 'peak')).toEqual(['real', 'filling']);
    expect(names([partial, scored('real', [0.1, 0.6, 0.6])], 'current')).toEqual(['real', 'filling']);
  });

  it('colours by the place within the own range where there is no detector, and leaves none out', () => {
    const plain = (name: string, values: (number | null)[]): DataFrame =>
      toDataFrame({
        fields: [
          { name: 'Time', type: FieldType.time, values: minutes(values.length) },
          { name, type: FieldType.number, values },
        ],
      });
    const lanes = lanesOf(seriesSetOf([plain('small', [1, 2, 3]), plain('large', [1_000, null, 3_000]), plain('flat', [5, 5, 5])]), {
      ranking: 'name',
      onlyAnomalous: true,
    });
    expect(lanes.map((lane) => [lane.series.field.name, lane.heat, lane.judged])).toEqual([
      ['flat', [0, 0, 0], false],
      ['large', [0, null, 1], false],
      ['small', [0, 0.5, 1], false],
    ]);
  });

  it('shows an anomaly at least as one, whatever its score', () => {
    const [lane] = lanesOf(seriesSetOf([judgedFrame([1, 2], [0, 1])]), { ranking: 'peak', onlyAnomalous: false });
    expect(lane).toMatchObject({ heat: [0, 0.8], anomalies: 1, judged: true });
    const low = judgedFrame([1, 2], [0, 1]);
    low.fields.find((field) => field.name === 's')!.values = [0, 0.2];
    expect(lanesOf(seriesSetOf([low]), { ranking: 'peak', onlyAnomalous: false })[0]?.heat).toEqual([0, 0.5]);
  });
});

describe('pointing', () => {
  const set = seriesSetOf([
    scored('a', [0.1, null, 0.3, 0.4], { plan: { bucketMs: MINUTE } }),
    scored('b', [0.5, 0.5, 0.5, 0.5], { plan: { bucketMs: MINUTE } }),
  ]);
  const lanes = lanesOf(set, { ranking: 'name', onlyAnomalous: false });
  const geometry: LaneGeometry = { left: 100, width: 400, laneHeight: 20, fromMs: START, toMs: START + 4 * MINUTE };
  const at = (x: number, y: number): unknown => hitAt(lanes, set.timesMs, geometry, x, y);

  it('finds lane and bucket under the mouse', () => {
    expect(at(100, 0)).toEqual({ laneIndex: 0, index: 0 });
    expect(at(499, 39)).toEqual({ laneIndex: 1, index: 3 });
    expect(at(350, 5)).toEqual({ laneIndex: 0, index: 2 });
  });

  it('finds nothing beside the lanes, below them, and after the last bucket', () => {
    expect([at(50, 5), at(501, 5), at(300, 41), hitAt(lanes, set.timesMs, { ...geometry, toMs: START + 8 * MINUTE }, 450, 5)]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  it('goes over buckets without anything by keyboard, and stops at the ends', () => {
    expect([neighbour(lanes[0]!, 0, 1), neighbour(lanes[0]!, 2, -1), neighbour(lanes[0]!, 3, 1)]).toEqual([2, 0, 3]);
    const go = (key: string, from: { laneIndex: number; index: number } | null): unknown => hitByKey(key, from, lanes, 3);
    expect(go('ArrowDown', null)).toEqual({ laneIndex: 0, index: 3 });
    expect(go('ArrowDown', { laneIndex: 1, index: 3 })).toEqual({ laneIndex: 1, index: 3 });
    expect(go('End', { laneIndex: 0, index: 3 })).toEqual({ laneIndex: 1, index: 3 });
    expect(go('ArrowLeft', { laneIndex: 0, index: 2 })).toEqual({ laneIndex: 0, index: 0 });
    expect(go('Tab', { laneIndex: 0, index: 2 })).toBeNull();
  });
});

describe('timeTicks', () => {
  it('puts labels at round times that have room', () => {
    const { stepMs, ticks } = timeTicks(START + 200_000, START + 3 * 3_600_000, 600, 90, 0);
    expect(stepMs).toBe(30 * MINUTE);
    expect(ticks.map((at) => new Date(at).toISOString().slice(11, 16))).toEqual(['12:30', '13:00', '13:30', '14:00', '14:30', '15:00']);
    expect([1_000, MINUTE, 86_400_000].map(tickFormat)).toEqual(['HH:mm:ss', 'HH:mm', 'MM-DD']);
  });

  it('begins days at midnight of the time zone', () => {
    const offsetMs = 5.5 * 3_600_000;
    const { ticks } = timeTicks(START, START + 5 * 86_400_000, 500, 90, offsetMs);
    expect(ticks).toHaveLength(5);
    expect(ticks.every((at) => (at + offsetMs) % 86_400_000 === 0)).toBe(true);
  });

  it('has none for a range of no length', () => {
    expect(timeTicks(START, START, 500, 90, 0).ticks.length).toBeLessThanOrEqual(1);
  });
});

describe('mix', () => {
  it('mixes colours, and leaves what it cannot read', () => {
    expect(mix('#000000', '#ff8000', 0.5)).toBe('#804000');
    expect(mix('rgb(0,0,0)', '#ffffff', 0.2)).toBe('rgb(0,0,0)');
  });
});
