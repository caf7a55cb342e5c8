// What is wrong with a setting, in words, while it is typed. The backend checks again. Pure.

/** @returns null: it can be used */
export function urlProblem(text: string): string | null {
  if (text === '') return "Enter the aggregator's address, for example http://localhost:4400.";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'Not an address. Write http:// or https://, the host and the port.';
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'Write http:// or https:// in front.';
  if (url.username !== '' || url.password !== '') return 'Take user and password out: the URL is not kept secret. Use the token.';
  if (url.search !== '' || url.hash !== '') return 'Enter the address alone, without ? or #.';
  return /\/api(\/|$)/.test(url.pathname) ? 'Leave /api out: enter the base address.' : null;
}

interface Bounds {
  /** In ms, like the most. */
  readonly least: number;
  readonly most: number;
  readonly unit: string;
  readonly unitMs: number;
}

/** @param ms undefined: not given, so the default */
export function numberProblem(ms: number | undefined, { least, most, unit, unitMs }: Bounds): string | null {
  if (ms === undefined) return null;
  const words = (value: number): string => Number((value / unitMs).toPrecision(3)).toLocaleString('en-US');
  return ms >= least && ms <= most ? null : `From ${words(least)} to ${words(most)} ${unit}.`;
}
