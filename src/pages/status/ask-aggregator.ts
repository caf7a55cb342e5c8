// Asks the aggregator through the resources of a data source: the plugin's backend adds the token, the browser never sees it.
// A failure is a value with words for people, because the pages are there to show it.

import { lastValueFrom } from 'rxjs';
import { getBackendSrv, isFetchError } from '@grafana/runtime';
import { fieldsOf, readDependencies, readStatus, text, type AggregatorStatus, type Dependency } from './aggregator-status';

export interface Problem {
  /** HTTP status; 0: Grafana itself did not answer. */
  readonly status: number;
  readonly message: string;
  readonly remedy: string;
}

export interface Report {
  readonly status: AggregatorStatus;
  /** Null: the aggregator does not say. */
  readonly dependencies: readonly Dependency[] | null;
  /** This browser's clock in the middle of the question, and the uncertainty of that. */
  readonly askedAtMs: number;
  readonly uncertaintyMs: number;
}

export type Answer = { readonly ok: true; readonly report: Report } | { readonly ok: false; readonly problem: Problem };

/** @param now the browser's clock, epoch ms */
export async function askAggregator(dataSourceUid: string, now: () => number, signal: AbortSignal): Promise<Answer> {
  const startedMs = now();
  const status = await get(dataSourceUid, 'status', signal);
  const endedMs = now();
  if (!status.ok) return { ok: false, problem: status.problem };
  const parsed = readStatus(status.body);
  if (parsed === null) {
    return {
      ok: false,
      problem: {
        status: 200,
        message: 'Something answered, but it is not a Tidemark aggregator.',
        remedy: 'Correct the URL in the data source settings: it is the aggregator’s base URL, by default with port 4400.',
      },
    };
  }
  const ready = await get(dataSourceUid, 'readyz', signal);
  return {
    ok: true,
    report: {
      status: parsed,
      dependencies: readDependencies(ready.body),
      askedAtMs: (startedMs + endedMs) / 2,
      uncertaintyMs: (endedMs - startedMs) / 2,
    },
  };
}

type Got = { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly body: unknown; readonly problem: Problem };

async function get(dataSourceUid: string, resource: string, signal: AbortSignal): Promise<Got> {
  const url = `/api/datasources/uid/${encodeURIComponent(dataSourceUid)}/resources/${resource}`;
  try {
    const response = await lastValueFrom(
      getBackendSrv().fetch<unknown>({ url, method: 'GET', showErrorAlert: false, abortSignal: signal }),
    );
    return { ok: true, body: response.data };
  } catch (error) {
    if (!isFetchError<unknown>(error)) {
      const message = error instanceof Error ? error.message : 'Grafana did not answer.';
      return { ok: false, body: null, problem: { status: 0, message, remedy: 'See whether Grafana is still there, then check again.' } };
    }
    return { ok: false, body: error.data, problem: problemOf(error.status, error.data) };
  }
}

/** From `{ error: { message, remedy } }` of the aggregator and of the plugin's backend, or from Grafana's own `{ message }`. */
export function problemOf(status: number, body: unknown): Problem {
  const root = fieldsOf(body);
  const own = fieldsOf(root['error']);
  const message = text(own['message']) || text(root['message']);
  if (text(own['message']) !== '') return { status, message, remedy: text(own['remedy']) };
  if (status === 403) {
    return { status, message: 'You may not query this data source.', remedy: 'Ask an administrator for the permission to query it.' };
  }
  if (status === 404) {
    return {
      status,
      message: 'Grafana knows no backend for this data source.',
      remedy: 'Install the plugin again with its backend for this platform, and restart Grafana.',
    };
  }
  return {
    status,
    message: message === '' ? `Grafana answered with status ${status}.` : message,
    remedy: 'Look into Grafana’s log for lines of plugin.tidemark-realtime-datasource.',
  };
}
