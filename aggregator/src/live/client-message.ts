// What a client of a WebSocket sends, checked before anything else sees it. Pure.

import { invalid, problemOfSchema, suggestion } from '../query/problem.js';
import { CLIENT_MESSAGES, type ClientMessage } from './protocol.js';

/** @throws QueryProblem that says what was found, what was expected, and what to do */
export function readClientMessage(text: string): ClientMessage {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw invalid(
      'LIVE_NOT_JSON',
      `Found ${JSON.stringify(text.slice(0, 80))}, expected a JSON object.`,
      'Send {"type":"subscribe", …} as text.',
    );
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw invalid(
      'LIVE_NOT_AN_OBJECT',
      `Found ${JSON.stringify(raw).slice(0, 80)}, expected a JSON object.`,
      'Send {"type":"subscribe", …} as text.',
    );
  }
  const type: unknown = Reflect.get(raw, 'type');
  if (type !== 'subscribe' && type !== 'unsubscribe') {
    const types = Object.keys(CLIENT_MESSAGES);
    const found = typeof type === 'string' ? type : '';
    throw invalid(
      'LIVE_UNKNOWN_TYPE',
      `type: found ${JSON.stringify(type)?.slice(0, 80) ?? 'nothing'}, expected one of ${types.join(', ')}.`,
      suggestion(found, types, 'type'),
      { path: 'type' },
    );
  }
  const schema = CLIENT_MESSAGES[type];
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw problemOfSchema(parsed.error, raw, '', (path) => (path.length === 0 ? Object.keys(schema.shape) : []));
  return parsed.data;
}

/** The id that a message names, if it names one: so that its error can be told apart. */
export function idOf(text: string): string | null {
  try {
    const raw: unknown = JSON.parse(text);
    const id: unknown = typeof raw === 'object' && raw !== null ? Reflect.get(raw, 'id') : null;
    return typeof id === 'string' && id.length > 0 && id.length <= 64 ? id : null;
  } catch {
    return null;
  }
}
