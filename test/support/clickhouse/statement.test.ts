// The HTTP process must find data, format and parameters of a statement without being fooled by what stands in strings.

import { describe, expect, it } from 'vitest';
import { quote, readStatement } from './statement.js';

describe('an INSERT', () => {
  it.each([
    ['INSERT INTO t FORMAT Native\n', 'Native'],
    ['insert into db.`odd ) name` (a, b) settings x = 1 format JSONEachRow {"a":1}', 'JSONEachRow'],
    ['INSERT INTO t (a) -- FORMAT CSV\n /* FORMAT TSV */ FORMAT RowBinary\r\n', 'RowBinary'],
  ])('%j has its data behind the format', (sql, format) => {
    const { insert, verb } = readStatement(sql);
    expect(verb).toBe('INSERT');
    expect(insert?.format).toBe(format);
    expect(sql.slice(0, insert?.headEnd)).toMatch(new RegExp(`${format}$`));
    expect(sql.slice(insert?.dataAt)).not.toMatch(/^\s/);
  });

  it('skips one line break only: the next byte may be data that looks like one', () => {
    const sql = 'INSERT INTO t FORMAT Native\n\n\x02';
    expect(sql.slice(readStatement(sql).insert?.dataAt)).toBe('\n\x02');
  });

  it('reads from a file before its settings, also in a table called settings', () => {
    const sql = 'INSERT INTO settings (a) SETTINGS max_threads = 1 FORMAT CSV';
    const { insert } = readStatement(sql);
    expect(sql.slice(insert?.infileAt)).toBe('SETTINGS max_threads = 1 FORMAT CSV');
  });

  it('takes rows that stand in the statement, or none, for values', () => {
    expect(readStatement("INSERT INTO t VALUES (1, 'FORMAT Native')").insert?.format).toBe('Values');
    expect(readStatement('INSERT INTO t (a, b)').insert?.format).toBe('Values');
  });

  it('that selects has no data, except through input()', () => {
    expect(readStatement("INSERT INTO t SELECT 'FORMAT', 1 FROM u").insert).toBeUndefined();
    const sql = "INSERT INTO t SELECT a FROM input('a UInt8') FORMAT CSV";
    const { input, insert } = readStatement(sql);
    expect(insert).toBeUndefined();
    expect(sql.slice(input?.open, (input?.close ?? 0) + 1)).toBe("('a UInt8')");
  });
});

describe('a query', () => {
  it('names its format at its end only', () => {
    expect(readStatement("SELECT 'FORMAT JSON' AS format FROM t").outputFormat).toBeUndefined();
    expect(readStatement('SELECT 1 FORMAT JSON SETTINGS a = 1;').outputFormat).toBe('JSON');
    expect(readStatement('SELECT format FROM t').outputFormat).toBeUndefined();
  });

  it('is one statement, whatever its strings hold', () => {
    expect(readStatement("SELECT ';', `;`, $$;$$ -- ;\n;").multiple).toBe(false);
    expect(readStatement("SELECT 'it''s \\'; ' ; DROP TABLE t").multiple).toBe(true);
  });

  it('lists its parameters', () => {
    expect(readStatement("SELECT {a:String}, '{b:String}', map('c', 1), {d : Array(UInt8)}").parameters).toEqual(['a', 'd']);
  });

  it('reads, or does not', () => {
    expect(readStatement(' /* x */ (SELECT 1)').readOnly).toBe(true);
    expect(readStatement('ALTER TABLE t DELETE WHERE 1').readOnly).toBe(false);
    expect(readStatement('').verb).toBe('');
  });
});

it('a literal survives quoting', () => {
  const literal = quote("a'b\\c");
  expect(literal).toBe("'a\\'b\\\\c'");
  expect(readStatement(`SELECT ${literal} ; SELECT 2`).multiple).toBe(true);
});
