// The options of a detector as people write them, in a query and in a watch alike: durations as text, days by name. Form is
// checked here; what the numbers may be is for options.ts to say.

import { z } from 'zod';
import type { DetectorOptions, MaintenanceWindow } from './detector.js';
import { DETECTORS } from './options.js';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const duration = z.string().min(2).max(16);
const clockTime = z.string().regex(/^([01]\d|2[0-4]):[0-5]\d$/, { error: 'a time of day such as 22:00' });

const maintenanceSchema = z.union([
  z.strictObject({ from: z.iso.datetime({ offset: true }), to: z.iso.datetime({ offset: true }) }),
  z.strictObject({ days: z.array(z.enum(DAYS)).min(1).max(7), from: clockTime, to: clockTime }),
]);

export const detectorSchema = z.strictObject({
  name: z
    .enum(DETECTORS)
    .default('auto')
    .describe('auto chooses and tunes by the history of each series; zscore, robust, ewma, seasonal, shift and missing do one thing.'),
  direction: z.enum(['both', 'up', 'down']).optional().describe('Which side of the expected value counts.'),
  sensitivity: z.enum(['low', 'medium', 'high']).optional(),
  k: z.number().positive().optional().describe("Half the band's width in standard deviations (not for auto and missing)."),
  window: duration.optional().describe('Trailing window of zscore and robust, time constant of ewma, stretch of shift. Default 10m.'),
  minDeviation: z.number().min(0).optional().describe('Never flag a value closer than this to the expected one.'),
  minRelative: z.number().min(0).optional().describe('The same as a part of the expected value: 0.2 is 20 %.'),
  minSamples: z.number().int().min(1).optional().describe('Values seen before the first verdict.'),
  minCount: z.number().min(0).optional().describe('Never flag while value and expected are both below it.'),
  consecutive: z.number().int().min(1).optional().describe('Flag only the n-th bucket in a row that is out of line.'),
  recovery: z.number().positive().max(1).optional().describe('An episode ends when the ratio to the alarm line falls below this.'),
  season: z.enum(['auto', 'none', 'day', 'daytype', 'week']).optional(),
  timeZone: z.string().min(1).max(64).optional().describe('IANA name; rhythms follow its local time. Default UTC.'),
  holidays: z.array(z.iso.date()).max(1_000).optional().describe('Local dates that are treated as days off.'),
  maintenance: z.array(maintenanceSchema).max(100).optional().describe('Times in which nothing is flagged and nothing is learnt.'),
  hold: z
    .enum(['episode', 'fade'])
    .optional()
    .describe('episode: flagged as long as out of line; fade: at the onset and when it gets worse.'),
  relearnAfter: z.number().int().min(2).optional().describe('Buckets after which a new level is accepted as normal.'),
  missingAfter: z.number().int().min(1).optional().describe('Buckets without a value before missing flags them.'),
});

export type DetectorInput = z.infer<typeof detectorSchema>;

/**
 * @param toMs reads a duration; it throws what its caller wants thrown
 * @returns options with what was given and nothing else
 */
export function detectorOptions(input: DetectorInput, toMs: (text: string, field: string) => number): DetectorOptions {
  const { name, window, maintenance, ...rest } = input;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...given,
    detector: name,
    ...(window === undefined ? {} : { windowMs: toMs(window, 'window') }),
    ...(maintenance === undefined ? {} : { maintenance: maintenance.map(maintenanceWindow) }),
  };
}

function maintenanceWindow(input: z.infer<typeof maintenanceSchema>): MaintenanceWindow {
  if (!('days' in input)) return { fromMs: Date.parse(input.from), toMs: Date.parse(input.to) };
  const fromMinute = minuteOf(input.from);
  const toMinute = minuteOf(input.to);
  return { days: input.days.map((day) => DAYS.indexOf(day)), fromMinute, toMinute: toMinute > fromMinute ? toMinute : toMinute + 1_440 };
}

function minuteOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return hours * 60 + minutes;
}
