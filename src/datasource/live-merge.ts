// History and live rows in one line. Invariant: each cell, that is one field at one time, has the value of the patch with the highest order
// that says anything about it; which patch was laid on first does not matter. So a query asked before a live row came may be answered
// after it without undoing it. Pure.

export type Cell = number | string | null;

export interface LineField {
  /** Fields of one key are the same field: name and labels. */
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Rows that came together. */
export interface Patch<F extends LineField = LineField> {
  /** Of two patches the higher order wins; of equal ones the later. */
  readonly order: number;
  readonly fields: readonly F[];
  /** In any order, even twice: the last row of a time counts. */
  readonly timesMs: readonly number[];
  /** By field, then by row. */
  readonly columns: readonly (readonly Cell[])[];
}

export interface Line<F extends LineField = LineField> {
  readonly fields: readonly F[];
  /** Ascending, each once. */
  readonly timesMs: readonly number[];
  readonly columns: readonly (readonly Cell[])[];
  /** Whose each cell is, beside `columns`: an order, or NOBODY where no patch has said anything. */
  readonly orders: readonly (readonly number[])[];
}

const NOBODY = Number.NEGATIVE_INFINITY;

export function emptyLine<F extends LineField>(): Line<F> {
  return { fields: [], timesMs: [], columns: [], orders: [] };
}

export function fieldKey(name: string, labels: Readonly<Record<string, string>> | undefined): string {
  const sorted = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return JSON.stringify([name, ...sorted]);
}

/** The patch without fields of other keys. */
export function onlyOf<F extends LineField>(patch: Patch<F>, keys: ReadonlySet<string> | null): Patch<F> {
  if (keys === null || patch.fields.every(({ key }) => keys.has(key))) return patch;
  const places = patch.fields.flatMap(({ key }, place) => (keys.has(key) ? [place] : []));
  return { ...patch, fields: places.map((place) => patch.fields[place]), columns: places.map((place) => patch.columns[place]) };
}

/** Lays a patch over a line. Fields that the line does not know come behind its own; a known field is described as the patch does. */
export function merge<F extends LineField>(line: Line<F>, patch: Patch<F>): Line<F> {
  if (patch.fields.length === 0) return line;
  const known = new Map(line.fields.map(({ key }, index) => [key, index]));
  const fields = [...line.fields];
  const targets = patch.fields.map((field) => {
    const at = known.get(field.key) ?? fields.length;
    fields[at] = field;
    known.set(field.key, at);
    return at;
  });
  const timesMs = union(line.timesMs, patch.timesMs);
  const rowOf = new Map(timesMs.map((time, row) => [time, row]));
  const columns: Cell[][] = [];
  const orders: number[][] = [];
  for (let at = 0; at < fields.length; at++) {
    columns.push(new Array<Cell>(timesMs.length).fill(null));
    orders.push(new Array<number>(timesMs.length).fill(NOBODY));
  }
  line.timesMs.forEach((time, from) => {
    const to = rowOf.get(time) ?? 0;
    for (let at = 0; at < line.fields.length; at++) {
      columns[at][to] = line.columns[at][from];
      orders[at][to] = line.orders[at][from];
    }
  });
  patch.timesMs.forEach((time, from) => {
    const to = rowOf.get(time) ?? 0;
    targets.forEach((at, field) => {
      if (orders[at][to] > patch.order) return;
      columns[at][to] = patch.columns[field][from] ?? null;
      orders[at][to] = patch.order;
    });
  });
  return { fields, timesMs, columns, orders };
}

/** The rows of [fromMs, toMs]; a line that has no others is given back as it is. */
export function trim<F extends LineField>(line: Line<F>, fromMs: number, toMs: number): Line<F> {
  const { timesMs } = line;
  const start = firstAtLeast(timesMs, fromMs);
  const end = firstAtLeast(timesMs, toMs + 1);
  if (start === 0 && end === timesMs.length) return line;
  const cut = <T>(rows: readonly T[]): readonly T[] => rows.slice(start, end);
  return { fields: line.fields, timesMs: cut(timesMs), columns: line.columns.map(cut), orders: line.orders.map(cut) };
}

/** Ascending, each once. `known` already is. */
function union(known: readonly number[], more: readonly number[]): number[] {
  const last = known.at(-1) ?? NOBODY;
  const ascending = more.every((time, row) => time > (row === 0 ? last : more[row - 1]));
  if (ascending) return [...known, ...more];
  return [...new Set([...known, ...more])].sort((a, b) => a - b);
}

function firstAtLeast(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
