// What an action is: a name, what it draws from the seed, and what it does to the world. What it draws is plain JSON, so that a list
// of drawn actions can be printed and run again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { FailpointOrder } from '../world/orders.js';
import type { World } from '../world/world.js';

export type Draw = () => number;
export type Drawn = Readonly<Record<string, string | number>>;

export interface Action {
  readonly name: string;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  /** Needs three brokers. */
  readonly cluster?: boolean;
  draw(draw: Draw): Drawn;
  /** @returns false when what should have been hit did not come along; the id of an order, or the name of a fault, that nobody has met yet and that stands on */
  run(world: World, drawn: Drawn): Promise<boolean | string>;
}

export function pick<T>(draw: Draw, list: readonly T[]): T {
  return list[Math.floor(draw() * list.length)];
}

/** A whole number from `least` to `most`. */
export function between(draw: Draw, least: number, most: number): number {
  return least + Math.floor(draw() * (most - least + 1));
}

/** Large enough for any group; taken modulo its size. */
export function anySlot(draw: Draw): number {
  return between(draw, 0, 11);
}

/** Resolves true as soon as a process has obeyed, with the order's id after `withinMs`: it then stands on. */
export async function obeyed(world: World, id: string, withinMs: number): Promise<true | string> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    if ((await world.orders.obeyed()).some((order) => order.id === id)) return true;
    await sleep(50);
  }
  return id;
}

export async function give(world: World, order: Omit<FailpointOrder, 'waitMs' | 'slot'> & Partial<FailpointOrder>): Promise<string> {
  return world.orders.give({ waitMs: 0, slot: null, ...order });
}

export { sleep };
