// What the hooks of one chart read while it draws: the newest view and time range. uPlot outlives many answers, so it must not hold on to
// the answer that it was made with. Changed only by ChartFeedUpdate, before uPlot gets its data.

import { useLayoutEffect } from 'react';
import type uPlot from 'uplot';
import type { TimeRange } from '@grafana/data';
import type { ChartView } from './chart-view';

export interface FeedState {
  readonly view: ChartView;
  readonly timeRange: TimeRange;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

export class ChartFeed {
  #state: FeedState;
  #plot: uPlot | null = null;

  constructor(state: FeedState) {
    this.#state = state;
  }

  get view(): ChartView {
    return this.#state.view;
  }

  get timeRange(): TimeRange {
    return this.#state.timeRange;
  }

  get plot(): uPlot | null {
    return this.#plot;
  }

  zoom(fromMs: number, toMs: number): void {
    this.#state.onZoom(fromMs, toMs);
  }

  update(state: FeedState): void {
    this.#state = state;
  }

  attach(plot: uPlot | null): void {
    this.#plot = plot;
  }
}

/** Stands before the chart among its siblings: layout effects run in their order, so the feed is new when uPlot draws. */
export function ChartFeedUpdate({ feed, state }: { readonly feed: ChartFeed; readonly state: FeedState }) {
  useLayoutEffect(() => feed.update(state), [feed, state]);
  return null;
}
