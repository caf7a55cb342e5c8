// What a person can set on the swimlane panel, with the defaults. The names are stored in dashboards.

/** `peak`: the worst moment of the range. `current`: the newest finished bucket. `name`: no ranking. */
export type Ranking = 'peak' | 'current' | 'name';

export interface SwimlaneOptions {
  ranking: Ranking;
  laneHeight: number;
  /** Leave out lanes that were never anomalous; without scores nothing is left out. */
  onlyAnomalous: boolean;
  showFreshness: boolean;
}

export const SWIMLANE_DEFAULTS: SwimlaneOptions = { ranking: 'peak', laneHeight: 20, onlyAnomalous: false, showFreshness: true };
