import { describe, expect, it } from 'vitest';
import { numberProblem, urlProblem } from './check-settings';

describe('settings', () => {
  it.each(['http://localhost:4400', 'https://tidemark.example.com', 'http://10.0.0.1:4400/base/'])('takes %s', (url) => {
    expect(urlProblem(url)).toBeNull();
  });

  it.each([
    ['', /Enter the aggregator/],
    ['localhost', /Not an address/],
    ['localhost:4400', /http:\/\/ or https:\/\//],
    ['ftp://x', /http:\/\/ or https:\/\//],
    ['http://user:pw@x', /not kept secret/],
    ['http://x?a=1', /without \? or #/],
    ['http://x/api/v1', /Leave \/api out/],
  ])('says what is wrong with %j', (url, words) => {
    expect(urlProblem(url)).toMatch(words);
  });

  it('bounds numbers, in the unit that people type', () => {
    const bounds = { least: 100, most: 600_000, unit: 'seconds', unitMs: 1_000 };
    expect(numberProblem(undefined, bounds)).toBeNull();
    expect(numberProblem(30_000, bounds)).toBeNull();
    expect(numberProblem(10, bounds)).toBe('From 0.1 to 600 seconds.');
  });
});
