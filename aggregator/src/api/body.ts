// Reads a request's body into memory, inflated, within a limit that holds for what comes in and for what it inflates to.
// Invariant: never more than the limit is held, however small the body claims to be.

import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { apiError, type ApiError } from './api-error.js';

/** @throws ApiError 413 when too large, 415 on an unknown encoding, 400 when it does not inflate or breaks off */
export async function readBody(
  stream: Readable,
  encoding: string | undefined,
  contentLength: string | undefined,
  maxBytes: number,
): Promise<Buffer> {
  const how = (encoding ?? 'identity').trim().toLowerCase();
  if (how !== 'identity' && how !== 'gzip' && how !== 'x-gzip') {
    throw apiError(
      415,
      'UNKNOWN_ENCODING',
      `Content-Encoding: found ${JSON.stringify(how.slice(0, 40))}, expected gzip or identity.`,
      'Send the body as it is, or compressed with gzip.',
    );
  }
  if (contentLength !== undefined && Number(contentLength) > maxBytes) throw tooLarge(maxBytes);
  const raw = await collect(stream, maxBytes, (cause) =>
    apiError(400, 'BODY_BROKEN_OFF', `The body broke off: ${cause.message}.`, 'Send it again.'),
  );
  if (how === 'identity') return raw;
  const gunzip = createGunzip();
  gunzip.end(raw);
  try {
    return await collect(gunzip, maxBytes, () =>
      apiError(400, 'BAD_GZIP', 'The body is not valid gzip.', 'Compress it with gzip, or leave the Content-Encoding header out.'),
    );
  } finally {
    gunzip.destroy();
  }
}

function tooLarge(maxBytes: number): ApiError {
  // The rest of the body is not read, so the connection cannot be used again.
  return apiError(
    413,
    'BODY_TOO_LARGE',
    `The body is larger than ${maxBytes} bytes, inflated.`,
    'Send less at a time, or raise server.maxBodyBytes.',
    { connection: 'close' },
  );
}

async function collect(stream: Readable, maxBytes: number, broken: (cause: Error) => ApiError): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const done = (): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      // Whatever comes after the decision is nobody's business any more.
      stream.on('error', () => undefined);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      done();
      stream.pause();
      reject(tooLarge(maxBytes));
    };
    const onEnd = (): void => {
      done();
      resolve(Buffer.concat(chunks, size));
    };
    const onError = (error: Error): void => {
      done();
      reject(broken(error));
    };
    const onClose = (): void => onError(new Error('the connection was closed'));
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** The type without parameters, lower case; '' when there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0].trim().toLowerCase();
}

/** @throws ApiError 415 for another type than JSON, 400 for what is not JSON */
export function parseJson(body: Buffer, contentType: string | undefined): unknown {
  const type = mediaType(contentType);
  if (type !== 'application/json' && !type.endsWith('+json')) {
    throw apiError(
      415,
      'NOT_JSON',
      `Content-Type: found ${JSON.stringify(type.slice(0, 60))}, expected application/json.`,
      "Send the header 'Content-Type: application/json'.",
    );
  }
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message.slice(0, 160) : 'it does not parse';
    throw apiError(400, 'INVALID_JSON', `The body is not JSON: ${reason}.`, 'Check the body with a JSON tool.');
  }
}
