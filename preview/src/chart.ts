// One chart card: picks a measure and a dimension, asks every few seconds, draws what came. The line is dashed from the first
// bucket that is not finished yet.

import uPlot from 'uplot';
import { readSeries, type Catalog, type Frame } from './api.js';

const COLOURS = ['#5794f2', '#73bf69', '#f2cc0c', '#ff9830', '#b877d9', '#f2495c', '#37872d', '#8ab8ff'];
const MOST_SERIES = 8;

export class Chart {
  readonly element = document.createElement('article');
  readonly #catalog: Catalog;
  readonly #measure = document.createElement('select');
  readonly #by = document.createElement('select');
  readonly #value = document.createElement('span');
  readonly #plotBox = document.createElement('div');
  readonly #message = document.createElement('div');
  readonly #note = document.createElement('p');
  #plot: uPlot | null = null;
  #shape = '';
  #partialFromS = Number.POSITIVE_INFINITY;
  #busy = false;

  constructor(catalog: Catalog, measure: string, by: string) {
    this.#catalog = catalog;
    this.element.className = 'card';
    fill(
      this.#measure,
      catalog.measures.filter((m) => m.kind !== 'top').map((m) => m.name),
      measure,
    );
    fill(this.#by, ['', ...catalog.dimensions.map((d) => d.name)], by, (name) => (name === '' ? 'no grouping' : `by ${name}`));
    this.#measure.ariaLabel = 'Measure';
    this.#by.ariaLabel = 'Group by';
    this.#value.className = 'value';
    this.#plotBox.className = 'plot';
    this.#message.className = 'message';
    this.#message.textContent = 'Loading…';
    this.#note.className = 'note';
    const head = document.createElement('header');
    head.append(this.#measure, this.#by, this.#value);
    this.#plotBox.append(this.#message);
    this.element.append(head, this.#plotBox, this.#note);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#plotBox);
  }

  onChange(handler: () => void): void {
    this.#measure.addEventListener('change', handler);
    this.#by.addEventListener('change', handler);
  }

  async refresh(rangeS: number): Promise<void> {
    if (this.#busy) {
      return;
    }
    this.#busy = true;
    const measure = this.#catalog.measures.find((m) => m.name === this.#measure.value);
    try {
      const by = this.#by.value;
      const frame = await readSeries(
        {
          kind: 'metric',
          measure: this.#measure.value,
          ...(measure?.kind === 'quantiles' ? { stat: 'p95' } : {}),
          ...(by === '' ? {} : { groupBy: [by], limit: MOST_SERIES }),
        },
        rangeS,
        Math.max(60, Math.floor(this.#plotBox.clientWidth / 4)),
      );
      this.#draw(frame, measure?.unit ?? '', by !== '');
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error), true);
    } finally {
      this.#busy = false;
    }
  }

  #draw(frame: Frame | null, unit: string, grouped: boolean): void {
    if (frame === null) {
      this.#clear();
      this.#say('No events in this range yet.', false);
      return;
    }
    this.#say('', false);
    const custom = frame.schema.meta?.custom ?? {};
    const partialFromMs = custom.partialFrom;
    this.#partialFromS = typeof partialFromMs === 'number' ? partialFromMs / 1000 : Number.POSITIVE_INFINITY;
    const fields = frame.schema.fields.slice(1);
    const labels = fields.map((f) => f.config?.displayNameFromDS ?? f.name);
    const [times, ...values] = frame.data.values;
    const data: uPlot.AlignedData = [times.map((t) => (t ?? 0) / 1000), ...values.map((v) => [...v])];
    const shape = JSON.stringify([labels, unit]);
    if (this.#plot === null || shape !== this.#shape) {
      this.#clear();
      this.#shape = shape;
      this.#plot = new uPlot(this.#options(labels, unit, grouped), data, this.#plotBox);
    } else {
      this.#plot.setData(data);
    }
    const newest =
      values.length === 1 ? values[0].findLast((v, i) => v !== null && (times[i] ?? 0) / 1000 < this.#partialFromS) : undefined;
    this.#value.textContent = newest === undefined || newest === null ? '' : format(newest, unit);
    const notices = frame.schema.meta?.notices?.map((n) => n.text) ?? [];
    const bucket = custom.plan?.bucketMs;
    this.#note.textContent = [
      typeof bucket === 'number' ? `${bucket / 1000} s buckets; the dashed end is not finished yet.` : '',
      ...notices,
    ]
      .filter(Boolean)
      .join(' ');
  }

  #options(labels: readonly string[], unit: string, grouped: boolean): uPlot.Options {
    const style = getComputedStyle(document.body);
    const text = style.getPropertyValue('color');
    const grid = { stroke: 'rgba(128,128,128,0.18)', width: 1 };
    return {
      ...this.#size(),
      legend: { show: grouped, live: false },
      cursor: { y: false },
      scales: { y: { range: (_u, min, max) => [Math.min(0, min ?? 0), (max ?? 1) === 0 ? 1 : (max ?? 1) * 1.08] } },
      axes: [
        { stroke: text, grid, ticks: grid, values: (_u, ticks) => ticks.map((v) => clock.format(v * 1000)) },
        { stroke: text, grid, ticks: grid, size: 64, values: (_u, ticks) => ticks.map((v) => format(v, unit)) },
      ],
      series: [
        {},
        ...labels.map((label, i) => ({
          label,
          stroke: COLOURS[i % COLOURS.length],
          width: 1.5,
          fill: labels.length === 1 ? 'rgba(87,148,242,0.12)' : 'transparent',
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: {
        // Only when it stands in the page is the legend's height known.
        ready: [(u) => u.setSize(this.#size(u))],
        // The unfinished end: covered by the card's colour in stripes, so that the line shows dashed.
        draw: [
          (u) => {
            if (!Number.isFinite(this.#partialFromS)) {
              return;
            }
            const left = u.valToPos(this.#partialFromS, 'x', true);
            const { ctx, bbox } = u;
            ctx.save();
            ctx.fillStyle = getComputedStyle(this.element).backgroundColor;
            for (let x = Math.max(left, bbox.left); x < bbox.left + bbox.width; x += 8 * devicePixelRatio) {
              ctx.fillRect(x, bbox.top, 4 * devicePixelRatio, bbox.height);
            }
            ctx.restore();
          },
        ],
      },
    };
  }

  #size(plot: uPlot | null = this.#plot): { width: number; height: number } {
    const legend = plot?.root.querySelector('.u-legend')?.clientHeight ?? 0;
    return { width: Math.max(200, this.#plotBox.clientWidth), height: 220 - legend };
  }

  #clear(): void {
    this.#plot?.destroy();
    this.#plot = null;
    this.#value.textContent = '';
  }

  #say(text: string, bad: boolean): void {
    this.#message.textContent = text;
    this.#message.classList.toggle('bad', bad);
    if (bad) {
      this.#clear();
    }
  }
}

export function fill(
  select: HTMLSelectElement,
  values: readonly string[],
  chosen: string,
  label: (value: string) => string = (v) => v,
): void {
  select.replaceChildren(...values.map((value) => new Option(label(value), value, false, value === chosen)));
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 });

function format(value: number, unit: string): string {
  switch (unit) {
    case 'percentunit':
      return `${(value * 100).toPrecision(3)} %`;
    case 'ms':
      return `${compact.format(value)} ms`;
    case 'currencyEUR':
      return `€ ${compact.format(value)}`;
    case 'currencyUSD':
      return `$ ${compact.format(value)}`;
    default:
      return compact.format(value);
  }
}
