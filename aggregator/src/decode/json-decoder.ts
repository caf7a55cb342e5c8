import type { Definition } from '../definition/model.js';
import type { EventDecoder } from './decoder.js';

export type { EventDecoder } from './decoder.js';

/** @throws TidemarkError invalid when the definition's tenant field is not interned */
export declare function createJsonDecoder(def: Definition): EventDecoder;
