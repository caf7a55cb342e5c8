// The kinds of single values in tidemark.yaml. Each carries, as its error, the words that a problem shows under "expected".

import { z } from 'zod';
import { BYTES_PATTERN, DURATION_PATTERN } from './quantities.js';

/** Names of measures and dimensions: they become columns, labels and URL parts. */
export const NAME_PATTERN = /^[a-z_][a-z0-9_]{0,62}$/;

export function text(description: string) {
  return z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' }).describe(description);
}

export function duration(description: string, { orForever = false }: { orForever?: boolean } = {}) {
  const error = orForever ? 'a duration such as 30d, 2y, or forever' : 'a duration with a unit, such as 30s, 5m, 1h30m, 90d';
  const pattern = orForever ? new RegExp(`${DURATION_PATTERN.source}|^forever$`) : DURATION_PATTERN;
  return z.string({ error }).regex(pattern, { error }).describe(description);
}

export function bytes(description: string) {
  const error = 'a size such as 512MiB or 4GiB, or a number of bytes';
  return z
    .union([z.string().regex(BYTES_PATTERN, { error }), z.number().int({ error }).min(0, { error })], { error })
    .describe(description);
}

export function wholeNumber(least: number, most: number) {
  const error = `a whole number from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

export function eventPath(description: string) {
  const error = 'a path such as geo.country, or a list of keys such as [geo, "country.name"]';
  return z
    .union([z.string().min(1, { error }), z.array(z.string().min(1, { error })).min(1, { error }).max(16, { error })], { error })
    .describe(description);
}

/** One text or several. */
export function stringList(description: string) {
  const error = 'a list of texts';
  return z
    .union(
      [
        z.array(z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' })).min(1, { error: 'at least one entry' }),
        z.string().min(1, { error }),
      ],
      {
        error,
      },
    )
    .describe(description);
}

/** `host:port`; IPv6 hosts stand in brackets. */
const HOST_PORT_PATTERN = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]?\d{1,4})$/;

export function hostPorts(description: string, defaultPort: number) {
  const error = `host:port, such as localhost:${defaultPort}`;
  const one = z.string({ error }).regex(HOST_PORT_PATTERN, { error });
  return z
    .union([z.array(one, { error }).min(1, { error: 'at least one host:port' }), one], { error: `a list of ${error}` })
    .describe(description);
}

/** SQL identifiers are restricted instead of quoted, so that they are the same in every tool. */
export function identifier(description: string) {
  const error = 'a name made of a-z, A-Z, 0-9 and _, not starting with a digit';
  return z
    .string({ error })
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, { error })
    .describe(description);
}
