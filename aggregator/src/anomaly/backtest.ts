// Verdicts against labels, row by row: how many of the labelled windows were found and how soon, how many alarms were for nothing.
// Invariant: what is kept grows with the windows, never with the rows. State is changed by `add` alone.

/** Epoch ms, both ends inclusive. */
export interface LabelWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface BacktestReport {
  readonly windows: number;
  /** Windows with at least one flagged row. */
  readonly found: number;
  /** Episodes of flagged rows (apart by more than `EPISODE_GAP_ROWS` rows), and those of them that touch no window. */
  readonly alarms: number;
  readonly falseAlarms: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** From a found window's begin to its first flagged row; the mean, NaN if none was found. */
  readonly meanDelayMs: number;
  readonly meanDelayRows: number;
}

const EPISODE_GAP_ROWS = 12;

interface Progress extends LabelWindow {
  /** The latest end of this window and of all that begin before it. */
  readonly latestToMs: number;
  /** Its first row, -1: none yet. */
  firstRow: number;
  /** Its first flagged row, -1: none yet. */
  hitRow: number;
  hitMs: number;
}

export class Backtest {
  /** By begin. */
  readonly #windows: readonly Progress[];
  #rows = 0;
  #alarms = 0;
  #falseAlarms = 0;
  #lastFlagged = Number.NEGATIVE_INFINITY;
  /** The current episode has a row in a window. */
  #touches = false;

  constructor(windows: readonly LabelWindow[]) {
    let latestToMs = Number.NEGATIVE_INFINITY;
    this.#windows = [...windows]
      .sort((a, b) => a.fromMs - b.fromMs)
      .map((window) => {
        latestToMs = Math.max(latestToMs, window.toMs);
        return { ...window, latestToMs, firstRow: -1, hitRow: -1, hitMs: 0 };
      });
  }

  /**
   * Takes the next row in.
   * @param timeMs in any order; a row without a readable time (NaN) is in no window
   */
  add(timeMs: number, anomalous: boolean): void {
    const row = this.#rows++;
    let inside = false;
    for (let i = this.#begunBy(timeMs) - 1; i >= 0 && this.#windows[i].latestToMs >= timeMs; i--) {
      const window = this.#windows[i];
      if (timeMs > window.toMs) continue;
      inside = true;
      if (window.firstRow < 0) window.firstRow = row;
      if (!anomalous || window.hitRow >= 0) continue;
      window.hitRow = row;
      window.hitMs = timeMs;
    }
    if (anomalous) this.#alarm(row, inside);
  }

  #alarm(row: number, inside: boolean): void {
    if (row - this.#lastFlagged > EPISODE_GAP_ROWS) {
      this.#alarms++;
      this.#falseAlarms++;
      this.#touches = false;
    }
    if (inside && !this.#touches) {
      this.#touches = true;
      this.#falseAlarms--;
    }
    this.#lastFlagged = row;
  }

  /** How many windows begin at or before a time: they are the first ones. */
  #begunBy(timeMs: number): number {
    let low = 0;
    let high = this.#windows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#windows[middle].fromMs <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of the rows so far. */
  report(): BacktestReport {
    const hit = this.#windows.filter(({ hitRow }) => hitRow >= 0);
    const [windows, found, alarms, falseAlarms] = [this.#windows.length, hit.length, this.#alarms, this.#falseAlarms];
    const precision = alarms === 0 ? 1 : (alarms - falseAlarms) / alarms;
    const recall = windows === 0 ? 1 : found / windows;
    return {
      windows,
      found,
      alarms,
      falseAlarms,
      precision,
      recall,
      f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
      meanDelayMs: hit.reduce((sum, { hitMs, fromMs }) => sum + hitMs - fromMs, 0) / found,
      meanDelayRows: hit.reduce((sum, { hitRow, firstRow }) => sum + hitRow - firstRow, 0) / found,
    };
  }
}

/**
 * @param times epoch ms per row
 * @param anomalous 1 where flagged
 */
export function backtest(times: ArrayLike<number>, anomalous: ArrayLike<number>, windows: readonly LabelWindow[]): BacktestReport {
  const run = new Backtest(windows);
  for (let i = 0; i < times.length; i++) run.add(times[i], anomalous[i] === 1);
  return run.report();
}
