import type { Definition } from '../definition/model.js';
import type { EventDecoder } from './decoder.js';

export interface Wheres {
  /** Tests every distinct where on the decoder's current event. */
  evaluate(): void;
  /** By distinct where: 1 when the current event matches. Entry 0 is the empty where, always 1. */
  readonly flags: Uint8Array;
  /** By component index: which distinct where it has. */
  readonly ofComponent: Uint16Array;
}

export declare function compileWheres(def: Definition, decoder: EventDecoder): Wheres;
