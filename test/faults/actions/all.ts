// Every action there is.

import type { Action } from './action.js';
import { compactionActions } from './compaction-actions.js';
import { engineActions } from './engine-actions.js';
import { kafkaActions } from './kafka-actions.js';
import { processActions } from './process-actions.js';
import { redisActions } from './redis-actions.js';

export const actions: readonly Action[] = [...processActions, ...redisActions, ...engineActions, ...kafkaActions, ...compactionActions];
