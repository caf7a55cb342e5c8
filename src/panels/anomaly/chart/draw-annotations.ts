// Annotations on the canvas: a moment is a dashed line, a region a tinted area between two. Their words are in AnnotationLayer.

import type uPlot from 'uplot';
import type { Annotation } from '../../frames/annotations';

const FILL_ALPHA = 0.1;

/** For uPlot's hook `draw`. `colorOf` gives a colour the canvas understands. */
export function drawAnnotations(u: uPlot, annotations: readonly Annotation[], colorOf: (annotation: Annotation) => string): void {
  if (annotations.length === 0) return;
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
  for (const annotation of annotations) {
    const from = u.valToPos(annotation.fromMs, 'x', true);
    const to = annotation.toMs === null ? from : u.valToPos(annotation.toMs, 'x', true);
    if (to < left || from > left + width) continue;
    ctx.strokeStyle = ctx.fillStyle = colorOf(annotation);
    if (annotation.toMs !== null) {
      ctx.globalAlpha = FILL_ALPHA;
      ctx.fillRect(from, top, to - from, height);
    }
    ctx.globalAlpha = 0.8;
    ctx.beginPath();
    for (const x of annotation.toMs === null ? [from] : [from, to]) {
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
    }
    ctx.stroke();
  }
  ctx.restore();
}
