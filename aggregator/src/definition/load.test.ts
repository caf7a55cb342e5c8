import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { BAD_DEFINITIONS, shop } from './bad-definitions.fixture.js';
import { loadDefinition } from './load.js';
import { DefinitionError, formatProblem, type Problem } from './problem.js';

function noFile(path: string): string {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`);
}

function problemsOf(text: string, env: Record<string, string> = {}): readonly Problem[] {
  try {
    loadDefinition({ path: 'conf/tidemark.yaml', text, env, readFile: noFile });
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems;
    throw error;
  }
  return [];
}

function markedLine(text: string): number {
  return text.split('\n').findIndex((line) => line.includes('#!')) + 1;
}

describe('a definition with one mistake is refused with its place, what was expected and the nearest name', () => {
  it('has at least 40 mistakes to try, and a base that is right', () => {
    expect(BAD_DEFINITIONS.length).toBeGreaterThanOrEqual(40);
    expect(problemsOf(shop())).toEqual([]);
  });

  it.each(BAD_DEFINITIONS)('$mistake', ({ text, path, nearest, found, expected }) => {
    const problems = problemsOf(text);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    const [problem] = problems;
    expect(problem.file).toBe('conf/tidemark.yaml');
    expect(problem.line).toBe(markedLine(text));
    expect(problem.suggestion).toBe(nearest);
    expect(problem.found).toMatch(found);
    expect(problem.expected).toMatch(expected);
  });
});

describe('problems', () => {
  it('come all at once, in the order of the file', () => {
    const text = shop({
      name: 'name: Web Shop',
      dimensions: 'dimensions:\n  country: {path: geo.country, kap: 3}\n  device:',
      measures: 'measures:\n  a: {kind: cuont}\n  b: {kind: ratio, of: a, to: c}\n  d: {kind: sum, field: user_id}',
      more: 'groupings: [[contry]]\nlatenes: 3s\nretention: {hot1s: 5x, hot10s: 1m}',
    });
    expect(problemsOf(text).map((problem) => `${problem.line} ${problem.path}`)).toEqual([
      '1 name',
      '5 dimensions.country.kap',
      '8 measures.a.kind',
      '9 measures.b.to', // of: a is there, only its kind is wrong
      '10 measures.d.field',
      '11 groupings[0][0]',
      '12 latenes',
      '13 retention.hot1s', // and nothing about the order, which cannot be known
    ]);
  });

  it('print as a block with the line and a mark under the place', () => {
    const [problem] = problemsOf(shop({ more: 'server: {prot: 80}' }));
    expect(formatProblem(problem)).toBe(
      [
        'conf/tidemark.yaml:10:10  server.prot',
        '  10 | server: {prot: 80}',
        '     |          ^',
        '  found:    the unknown key prot',
        '  expected: one of host, port, maxBody',
        '  nearest:  port',
      ].join('\n'),
    );
  });

  it('never repeat a secret', () => {
    const text = shop({
      more: 'hot: {kind: redis, redis: {password: hunter2hunter2}}\ncold: {kind: http, url: "http://u:hunter2hunter2@ch:8123"}',
    });
    const problems = problemsOf(text);
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems) + new DefinitionError(problems).message).not.toContain('hunter2');
  });

  it('are of class invalid, with a code and a remedy', () => {
    expect(() => loadDefinition({ path: 't.yaml', text: 'name: x' })).toThrow(
      expect.objectContaining({ errorClass: 'invalid', code: 'DEFINITION_INVALID', remedy: expect.stringContaining('tidemark check') }),
    );
  });

  it('name the file when it cannot be read', () => {
    expect(() => loadDefinition({ path: 'gone.yaml', readFile: noFile })).toThrow(/gone\.yaml:1:1[\s\S]*ENOENT/);
  });

  it('of an empty file name what is needed', () => {
    for (const text of ['', '# nothing yet\n', '\n\n']) expect(problemsOf(text)[0].expected).toMatch(/source, event and measures/);
    expect(problemsOf('{}').map((problem) => problem.path)).toEqual(['name', 'source', 'event', 'measures']);
  });

  it('always point into the file, whatever is in it', () => {
    const lines = shop({
      more: 'groupings:\n  - [country]\n  - all\nretention:\n  hot1s: 5m\nhot: {kind: memory}\ntenants: {default: {}}',
    }).split('\n');
    const scrap = fc.constantFrom(
      'x',
      '  - 5',
      '{',
      '}',
      'a: b',
      '  kind: top',
      ': :',
      '\t',
      '"',
      '&a',
      '*a',
      '<<: *a',
      '- - -',
      '? y',
      '!!map',
      'é: 1',
      '__proto__: {a: 1}',
      'null',
      '|',
      'measures: 7',
      'event: [1]',
    );
    const edit = fc.record({ at: fc.nat(lines.length), remove: fc.nat(3), insert: fc.array(scrap, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.constantFrom('\n', '\r\n'), (edits, newline) => {
        const edited = [...lines];
        for (const { at, remove, insert } of edits) edited.splice(at, remove, ...insert);
        const text = edited.join(newline);
        for (const problem of problemsOf(text)) {
          expect(problem.line).toBeGreaterThanOrEqual(1);
          expect(problem.line).toBeLessThanOrEqual(edited.length);
          expect(problem.column).toBeGreaterThanOrEqual(1);
          expect(problem.column).toBeLessThanOrEqual(edited[problem.line - 1].length + 1);
          expect(problem.excerpt === '' || problem.excerpt === edited[problem.line - 1]).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are found in arbitrary text and arbitrary values without any other error', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => void problemsOf(text)),
      { numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.anything({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify({
          name: 'x',
          source: { http: {} },
          event: value,
          measures: value,
          dimensions: value,
          groupings: value,
          tenants: value,
        });
        expect(Array.isArray(problemsOf(text))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
