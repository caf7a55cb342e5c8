// Which columns of a CSV file are time and value: as asked for, else by name, else by what the first row of data holds. Pure.

import { parseValue, separatorOf, splitRecord } from '../anomaly/csv.js';
import { TidemarkError } from '../errors.js';

const TIME_NAMES = ['time', 'timestamp', 'timestamps', 'date', 'datetime', 'ts', 'ds'];
const VALUE_NAMES = ['value', 'values', 'y', 'count', 'metric'];

export interface AskedColumns {
  /** Column name, or its number from 1. @default the first that is named like a time, else the first */
  readonly time?: string | undefined;
  /** @default the first that is named like a value, else the first other one with a number in the first row of data */
  readonly value?: string | undefined;
}

export interface Columns {
  readonly separator: string;
  /** Semicolons separate, so a comma may be the decimal sign. */
  readonly decimalComma: boolean;
  readonly header: readonly string[];
  /** -1: there is no time, rows follow each other. */
  readonly time: number;
  readonly value: number;
}

export interface Layout {
  readonly separator: string;
  readonly header: readonly string[];
  /** The first record is data. */
  readonly headless: boolean;
}

/** @param first record of the file */
export function layoutOf(first: string): Layout {
  const separator = separatorOf(first);
  const fields = splitRecord(first, separator).map((field) => field.trim());
  const named = fields.some((field) => TIME_NAMES.includes(field.toLowerCase()) || VALUE_NAMES.includes(field.toLowerCase()));
  const headless = !named && fields.some((field) => parseValue(field, separator === ';') !== null || /^(nan|null|na)$/i.test(field));
  const name = (i: number): string => (fields.length === 1 ? 'value' : i === 0 ? 'time' : i === 1 ? 'value' : `column${i + 1}`);
  return { separator, headless, header: headless ? fields.map((_, i) => name(i)) : fields };
}

/**
 * @param row the first of data; null: there is none
 * @throws TidemarkError DETECT_INPUT naming the column that is not there
 */
export function chooseColumns({ separator, header }: Layout, asked: AskedColumns, row: string | null): Columns {
  const decimalComma = separator === ';';
  const fields = row === null ? [] : splitRecord(row, separator);
  let time = pick('time', asked.time, header, TIME_NAMES);
  let value = pick('value', asked.value, header, VALUE_NAMES);
  if (time < 0 && header.length > 1) time = value === 0 ? 1 : 0;
  if (value < 0) value = header.findIndex((_, i) => i !== time && parseValue(fields[i] ?? '', decimalComma) !== null);
  if (value < 0) value = time === 0 && header.length > 1 ? 1 : 0;
  return { separator, decimalComma, header, time, value };
}

/** @returns the column's place, -1 if nothing was asked and no name fits */
function pick(what: string, wanted: string | undefined, header: readonly string[], names: readonly string[]): number {
  if (wanted === undefined) return header.findIndex((name) => names.includes(name.toLowerCase()));
  const byName = header.indexOf(wanted);
  if (byName >= 0) return byName;
  const place = /^\d+$/.test(wanted) ? Number(wanted) - 1 : -1;
  if (place >= 0 && place < header.length) return place;
  throw new TidemarkError(
    'invalid',
    'DETECT_INPUT',
    `--${what}: there is no column ${wanted}`,
    `Columns are: ${header.join(', ')}; a number counts from 1.`,
  );
}
