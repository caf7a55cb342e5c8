// Where the time axis of the lanes has its labels. Pure.

const STEPS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000,
  7_776_000, 31_536_000,
].map((seconds) => seconds * 1_000);

/** @param offsetMs of the time zone, so that days begin at midnight there */
export function timeTicks(
  fromMs: number,
  toMs: number,
  widthPx: number,
  perLabelPx: number,
  offsetMs: number,
): { readonly stepMs: number; readonly ticks: number[] } {
  const most = Math.max(1, Math.floor(widthPx / perLabelPx));
  const stepMs = STEPS_MS.find((step) => (toMs - fromMs) / step <= most) ?? toMs - fromMs;
  const ticks: number[] = [];
  if (!(stepMs > 0)) return { stepMs: 0, ticks };
  for (let at = Math.ceil((fromMs + offsetMs) / stepMs) * stepMs - offsetMs; at <= toMs; at += stepMs) ticks.push(at);
  return { stepMs, ticks };
}

export function tickFormat(stepMs: number): string {
  if (stepMs < 60_000) return 'HH:mm:ss';
  return stepMs < 86_400_000 ? 'HH:mm' : 'MM-DD';
}
