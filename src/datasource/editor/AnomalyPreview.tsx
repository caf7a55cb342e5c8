// Below the anomaly row: what the query would have flagged lately, asked when the button is pressed and not while one types.

import { useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2, PanelData } from '@grafana/data';
import { Button, useStyles2 } from '@grafana/ui';
import { previewWords, type PreviewedRange } from '../anomaly-preview';
import type { TidemarkDataSource } from '../datasource';
import { numberOf, recordOf } from '../live-frame';
import { apiQueryOf, type TidemarkQuery } from '../query/model';

interface Props {
  readonly datasource: Pick<TidemarkDataSource, 'previewAnomalies'>;
  readonly query: TidemarkQuery;
  /** Of the last answer: variables, ad-hoc filters and the bucket of the panel. */
  readonly data: PanelData | undefined;
  readonly disabled: boolean;
}

/** `asked` tells whether the answer still belongs to the query. */
type State = { readonly asked: string; readonly ranges: readonly PreviewedRange[] | null } | null;

export function AnomalyPreview({ datasource, query, data, disabled }: Props) {
  const styles = useStyles2(getStyles);
  const [state, setState] = useState<State>(null);
  const asking = JSON.stringify(apiQueryOf(query));
  const preview = async (): Promise<void> => {
    setState({ asked: asking, ranges: null });
    const ranges = await datasource.previewAnomalies(query, data?.request, bucketMsOf(data, query.refId));
    // An answer that was overtaken by a newer question is not shown.
    setState((now) => (now?.asked === asking ? { asked: asking, ranges } : now));
  };
  const waiting = state !== null && state.ranges === null;
  return (
    <div className={styles.preview} data-testid="tidemark-anomaly-preview">
      <Button
        variant="secondary"
        size="sm"
        icon={waiting ? 'spinner' : 'eye'}
        disabled={disabled || waiting}
        tooltip="Asks the same query for the last day and the last week"
        onClick={() => void preview()}
      >
        Preview
      </Button>
      <div role="status" className={styles.words}>
        {state === null && 'How many points would have been flagged in the last day and week'}
        {waiting && 'Judging the last day and week…'}
        {state !== null && state.ranges !== null && previewWords(state.ranges).map((line) => <div key={line}>{line}</div>)}
        {state !== null && state.ranges !== null && state.asked !== asking && (
          <div className={styles.old}>The query has changed since.</div>
        )}
      </div>
    </div>
  );
}

function bucketMsOf(data: PanelData | undefined, refId: string): number | null {
  const frame = data?.series.find((candidate) => candidate.refId === refId);
  return numberOf(recordOf(recordOf(frame?.meta?.custom)['plan'])['bucketMs']);
}

function getStyles(theme: GrafanaTheme2) {
  return {
    preview: css({ display: 'flex', alignItems: 'flex-start', gap: theme.spacing(1), minWidth: 0 }),
    words: css({
      minWidth: 0,
      paddingTop: theme.spacing(0.375),
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      overflowWrap: 'anywhere',
    }),
    old: css({ color: theme.colors.warning.text }),
  };
}
