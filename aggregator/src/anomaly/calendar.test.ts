import { describe, expect, it } from 'vitest';
import { Calendar } from './calendar.js';

const at = (text: string): number => Date.parse(text);
const hourOf = (calendar: Calendar, text: string): number => new Date(calendar.localMs(at(text))).getUTCHours();

describe('Calendar', () => {
  it('follows local time through daylight saving', () => {
    const calendar = new Calendar('Europe/Berlin', [], []);
    expect(hourOf(calendar, '2026-03-28T08:00:00Z')).toBe(9);
    expect(hourOf(calendar, '2026-03-29T00:59:00Z')).toBe(1);
    expect(hourOf(calendar, '2026-03-29T01:00:00Z')).toBe(3);
    expect(hourOf(calendar, '2026-10-25T01:00:00Z')).toBe(2);
    expect(hourOf(new Calendar('Asia/Kolkata', [], []), '2026-03-29T00:30:00Z')).toBe(6);
  });

  it('knows days off: the weekend and holidays, in local dates', () => {
    const calendar = new Calendar('America/New_York', ['2026-11-26'], []);
    expect(calendar.dayOff(calendar.localMs(at('2026-11-26T03:00:00Z')))).toBe(false);
    expect(calendar.dayOff(calendar.localMs(at('2026-11-26T12:00:00Z')))).toBe(true);
    expect(calendar.dayOff(calendar.localMs(at('2026-11-28T12:00:00Z')))).toBe(true);
    expect(calendar.weekday(calendar.localMs(at('1969-12-28T12:00:00Z')))).toBe(0);
  });

  it('knows maintenance, once and each week, past midnight too', () => {
    const calendar = new Calendar(
      'Europe/Berlin',
      [],
      [
        { fromMs: at('2026-05-01T10:00:00Z'), toMs: at('2026-05-01T11:00:00Z') },
        { days: [0], fromMinute: 23 * 60, toMinute: 25 * 60 },
      ],
    );
    expect(calendar.inMaintenance(at('2026-05-01T10:00:00Z'))).toBe(true);
    expect(calendar.inMaintenance(at('2026-05-01T11:00:00Z'))).toBe(false);
    expect(calendar.inMaintenance(at('2026-05-03T21:30:00Z'))).toBe(true);
    expect(calendar.inMaintenance(at('2026-05-03T22:59:00Z'))).toBe(true);
    expect(calendar.inMaintenance(at('2026-05-03T23:00:00Z'))).toBe(false);
    expect(calendar.inMaintenance(at('2026-05-04T21:30:00Z'))).toBe(false);
  });
});
