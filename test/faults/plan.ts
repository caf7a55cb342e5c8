// A run's plan: how large the world is and what happens to it, in order. Drawn from the seed alone, printed one JSON line each, and
// read back from such lines.

import { random } from '../oracle/events.js';
import { between, type Drawn } from './actions/action.js';
import { actions } from './actions/all.js';

export interface Step {
  readonly action: string;
  readonly drawn: Drawn;
  /** Quiet time after it. */
  readonly pauseMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly brokers: 1 | 3;
  readonly aggregators: number;
  readonly clocksAhead: boolean;
  readonly steps: readonly Step[];
}

/** Of so many seeds one has three brokers instead of one. */
const CLUSTER_EVERY = 5;
/** Of so many seeds one has producers whose clocks are ahead; where they are, a wiped hot tier covers nothing for an hour. */
const AHEAD_EVERY = 4;

export function drawPlan(seed: number, count: number): Plan {
  const draw = random(seed);
  const brokers = seed % CLUSTER_EVERY === 0 ? 3 : 1;
  const aggregators = between(draw, 2, 4);
  const clocksAhead = seed % AHEAD_EVERY === 0;
  const possible = actions.filter((action) => brokers === 3 || action.cluster !== true);
  const total = possible.reduce((sum, { weight }) => sum + weight, 0);
  const steps = Array.from({ length: count }, (): Step => {
    let at = draw() * total;
    const action = possible.find(({ weight }) => (at -= weight) < 0) ?? possible[0];
    return { action: action.name, drawn: action.draw(draw), pauseMs: between(draw, 200, 1_500) };
  });
  return { seed, brokers, aggregators, clocksAhead, steps };
}

export function printPlan({ steps, ...world }: Plan): string[] {
  return [`plan ${JSON.stringify(world)}`, ...steps.map((step) => `action ${JSON.stringify(step)}`)];
}

/** @param text what a run printed, or a part of it with the plan's lines @throws Error when there is no plan in it */
export function readPlan(text: string): Plan {
  const lines = text.split('\n');
  const world = lines.find((line) => line.startsWith('plan '));
  if (world === undefined) throw new Error('no line begins with `plan `');
  const steps = lines.flatMap((line) => (line.startsWith('action ') ? [JSON.parse(line.slice('action '.length)) as Step] : []));
  return { ...(JSON.parse(world.slice('plan '.length)) as Omit<Plan, 'steps'>), steps };
}
