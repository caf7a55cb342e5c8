// An error of the consumer's, on its way through a source that handles errors of its own: no retry, reading ends with it.

import { TidemarkError } from '../errors.js';

/** Carries an error of the consumer past the handling of Kafka's. */
export class ConsumerFailure extends Error {
  constructor(cause: unknown) {
    super('the consumer failed', { cause });
  }

  asFatal(): TidemarkError {
    const { cause } = this;
    if (cause instanceof TidemarkError) return cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    return new TidemarkError('fatal', 'CONSUMER_FAILED', `taking in records failed: ${text}`, 'Restart; report it if it comes back.', {
      cause,
    });
  }
}

/** Awaits a callback of the consumer. @throws ConsumerFailure for whatever it rejects with */
export async function calling<T>(callback: Promise<T>): Promise<T> {
  try {
    return await callback;
  } catch (error) {
    throw new ConsumerFailure(error);
  }
}
