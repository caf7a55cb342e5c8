// A small client of the aggregator's own API, for the commands that ask a running one.

import { z } from 'zod';
import { TidemarkError } from '../errors.js';

export interface ApiTarget {
  readonly url: string;
  readonly token: string;
}

const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string(), remedy: z.string().default('') }) });

/** @throws TidemarkError unavailable when nobody answers, invalid or the like with the API's own words */
export async function request(
  target: ApiTarget,
  path: string,
  init: { readonly body?: unknown; readonly accept?: string } = {},
): Promise<Response> {
  if (!URL.canParse(path, target.url)) {
    throw new TidemarkError(
      'invalid',
      'API_URL',
      `--url: found ${JSON.stringify(target.url)}, expected an address.`,
      'For example: --url http://localhost:4400',
    );
  }
  const headers: Record<string, string> = { accept: init.accept ?? 'application/json' };
  if (target.token !== '') {
    headers['authorization'] = `Bearer ${target.token}`;
  }
  if (init.body !== undefined) {
    headers['content-type'] = 'application/json';
  }
  let response: Response;
  try {
    response = await fetch(new URL(path, target.url), {
      method: init.body === undefined ? 'GET' : 'POST',
      headers,
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
  } catch (cause) {
    throw new TidemarkError(
      'unavailable',
      'API_UNREACHABLE',
      `No aggregator answers at ${target.url}.`,
      'Start it with `tidemark serve`, or name another with --url.',
      { cause },
    );
  }
  if (!response.ok) {
    const parsed = errorBody.safeParse(await response.json().catch(() => null));
    const { code, message, remedy } = parsed.success
      ? parsed.data.error
      : { code: `HTTP_${response.status}`, message: response.statusText, remedy: '' };
    throw new TidemarkError(response.status >= 500 ? 'unavailable' : 'invalid', code, message, remedy);
  }
  return response;
}
