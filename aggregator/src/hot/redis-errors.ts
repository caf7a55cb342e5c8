// What an error of the Redis client means to the caller of the hot tier: whether anything may have happened, and what to do.

import { TidemarkError } from '../errors.js';

const REACH_REMEDY = 'Check that Redis runs and that hot.redis.nodes, the network and TLS settings reach it.';

/** Replies that say the server cannot serve right now; nothing was done. */
const NOT_NOW: Readonly<Record<string, string>> = {
  OOM: 'Redis has reached maxmemory: give it more, or lower the caps, groupings or hot retention.',
  READONLY: 'This Redis is a replica; point hot.redis.nodes at the primary, or use Sentinel or Cluster mode.',
  LOADING: 'Redis is loading its data; wait.',
  BUSY: 'Somebody runs a long script on this Redis; see SLOWLOG.',
  MISCONF: 'Redis cannot save to disk and refuses writes; see its log.',
  NOREPLICAS: 'Redis has fewer replicas than min-replicas-to-write asks for.',
  MASTERDOWN: 'The replica has lost its primary; wait for the failover.',
  CLUSTERDOWN: 'Part of the cluster is down; see CLUSTER INFO.',
  TRYAGAIN: 'A hash slot is being moved; wait.',
};

const NOT_ALLOWED = new Set(['NOPERM', 'NOAUTH', 'WRONGPASS']);

/**
 * @param writing true where a lost answer may mean that the write happened
 */
export function classifyRedisError(error: unknown, doing: string, writing: boolean): TidemarkError {
  if (error instanceof TidemarkError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === 'ReplyError') {
    return classifyReply(error, message, doing);
  }
  const neverSent =
    message.includes('enableOfflineQueue') || message.includes('Failed to refresh slots cache') || message.includes('ECONNREFUSED');
  return writing && !neverSent
    ? new TidemarkError('unknown_outcome', 'HOT_UNKNOWN_OUTCOME', `Redis did not answer while ${doing}: ${message}`, REACH_REMEDY, {
        cause: error,
      })
    : new TidemarkError('unavailable', 'HOT_UNAVAILABLE', `Redis does not answer (${doing}): ${message}`, REACH_REMEDY, { cause: error });
}

function classifyReply(error: Error, message: string, doing: string): TidemarkError {
  // Errors raised inside a script may be prefixed by where they were raised.
  const code = /\b([A-Z]{4,})\b/.exec(message.slice(0, 200))?.[1] ?? /^(OOM)\b/.exec(message)?.[1] ?? '';
  const known = message.includes('OOM command not allowed') ? 'OOM' : code;
  if (Object.hasOwn(NOT_NOW, known)) {
    return new TidemarkError('unavailable', `HOT_${known}`, `Redis refused while ${doing}: ${message}`, NOT_NOW[known], { cause: error });
  }
  if (NOT_ALLOWED.has(known) || message.includes('ACL') || message.includes("can't run this command or subcommand")) {
    return new TidemarkError(
      'unavailable',
      'HOT_NOT_PERMITTED',
      `Redis does not permit ${doing}: ${message}`,
      'Give the user of hot.redis.username its password and: on +@all -@admin -@dangerous +info ~<keyPrefix>:* &<keyPrefix>:*',
      { cause: error },
    );
  }
  return new TidemarkError(
    'fatal',
    'HOT_REDIS_ERROR',
    `Redis answered with an error while ${doing}: ${message}`,
    'This is a defect or a foreign key under hot.redis.keyPrefix.',
    {
      cause: error,
    },
  );
}
