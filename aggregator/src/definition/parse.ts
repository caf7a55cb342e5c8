// First step of loading: YAML text into plain values, with the place of every key and value kept.
// Invariant: `locate` always answers with a line and column that exist in the text.

import { Alias, LineCounter, isMap, isPair, isScalar, isSeq, parseAllDocuments, visit, type Node, type Pair } from 'yaml';
import type { Path, Problem } from './problem.js';

export interface Place {
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

export interface ParsedText {
  /** Plain maps, lists and scalars; null when the text could not be parsed. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Where the key or the value at a path stands; the nearest enclosing place where the path is not in the file. */
  locate(path: Path, at: 'key' | 'value'): Place;
  /** The text of a line, '' outside the file. */
  lineText(line: number): string;
}

const MAX_TEXT_CHARS = 2_000_000;

/**
 * Parses one YAML 1.2 document (anchors, aliases and `<<` merges allowed).
 * @param file how the text is named in problems
 */
export function parseText(text: string, file: string): ParsedText {
  const lines = text.split(/\r\n|\n|\r/);
  const lineText = (line: number): string => lines[line - 1] ?? '';
  const clamp = (place: Place): Place => {
    const line = Math.min(Math.max(1, place.line), lines.length);
    return { line, column: Math.min(Math.max(1, place.column), lineText(line).length + 1) };
  };
  const failed = (found: string, expected: string, place: Place): ParsedText => {
    const at = clamp(place);
    const problem: Problem = { file, ...at, path: '', found, expected, suggestion: null, excerpt: lineText(at.line) };
    return { value: null, problems: [problem], locate: () => at, lineText };
  };
  const start: Place = { line: 1, column: 1 };

  if (text.length > MAX_TEXT_CHARS) return failed(`${text.length} characters`, `at most ${MAX_TEXT_CHARS} characters`, start);
  const counter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: counter, merge: true, prettyErrors: false });
  if (!Array.isArray(documents) || documents.length === 0)
    return failed('an empty file', 'a definition: at least source, event and measures', start);
  const placeAt = (offset: number): Place => {
    const position = counter.linePos(Math.min(offset, text.length));
    return clamp({ line: position.line, column: position.col });
  };
  if (documents.length > 1) {
    return failed(`${documents.length} YAML documents in one file`, 'one document (no second `---`)', placeAt(documents[1].range[0]));
  }
  const document = documents[0];
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    const problems = broken.map((error): Problem => {
      const at = placeAt(error.pos[0]);
      return {
        file,
        ...at,
        path: '',
        found: yamlComplaint(error.message),
        expected: 'valid YAML',
        suggestion: null,
        excerpt: lineText(at.line),
      };
    });
    return { value: null, problems, locate: () => start, lineText };
  }

  let dangling: Alias | null = null;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      dangling = alias;
      return visit.BREAK;
    },
  });
  if (dangling !== null)
    return failed('an alias of an anchor that is not there', 'an anchor (&name) before its alias (*name)', placeAt(rangeStart(dangling)));

  const root = document.contents;
  const resolve = (node: unknown): unknown => (node instanceof Alias ? node.resolve(document) : node);
  const locate = (path: Path, at: 'key' | 'value'): Place => {
    let node: unknown = root;
    let key: Node | null = null;
    let value: unknown = root;
    for (const part of path) {
      const container = resolve(node);
      const pair = isMap(container) ? findPair(container.items, part, resolve) : null;
      const item = isSeq(container) && typeof part === 'number' ? container.items[part] : undefined;
      if (pair === null && item === undefined) {
        // Not in the file: what is missing is reported at the key (or list item) it is missing from.
        return placeAt(rangeStart(key ?? value ?? root));
      }
      key = pair === null ? null : nodeOf(pair.key);
      value = pair === null ? item : pair.value;
      node = value;
    }
    // An empty value (`lateness:`) has no characters of its own; its key stands for it.
    const empty = isScalar(value) && value.value === null && (value.source ?? '') === '';
    return placeAt(rangeStart(at === 'key' || value === null || empty ? (key ?? value ?? root) : value));
  };

  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error), 'YAML whose aliases stay small', start);
  }
  return { value: value ?? {}, problems: [], locate, lineText };
}

function findPair(items: readonly unknown[], part: string | number, resolve: (node: unknown) => unknown): Pair<unknown, unknown> | null {
  let merged: Pair<unknown, unknown> | null = null;
  for (const item of items) {
    if (!isPair(item)) continue;
    const key = isScalar(item.key) ? item.key.value : item.key;
    if (String(key) === String(part)) return item;
    if (key === '<<' || (typeof key === 'symbol' && key.description === '<<')) {
      const source = resolve(item.value);
      const sources = isSeq(source) ? source.items.map(resolve) : [source];
      for (const map of sources) if (isMap(map)) merged ??= findPair(map.items, part, resolve);
    }
  }
  return merged;
}

function nodeOf(key: unknown): Node | null {
  return isScalar(key) ? key : null;
}

function rangeStart(node: unknown): number {
  if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
    const first: unknown = node.range[0];
    if (typeof first === 'number') return first;
  }
  return 0;
}

/** The parser's message without its own position suffix. */
function yamlComplaint(message: string): string {
  return message.replace(/ at line \d+, column \d+:?[\s\S]*$/, '').replace(/\n[\s\S]*$/, '');
}
