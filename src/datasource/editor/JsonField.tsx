// The JSON mode: one query as text, checked while it is typed.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, TextArea, useStyles2 } from '@grafana/ui';
import type { Catalog } from '../catalog';
import { checkQuery } from '../query/check-query';
import { jsonTextOf, parseJsonQuery } from '../query/json-mode';
import type { ApiQuery } from '../query/model';
import { EditorField } from './EditorRow';

interface JsonFieldProps {
  readonly id: string;
  readonly text: string;
  readonly catalog: Catalog | null;
  /** @param query null: the text is not one */
  readonly onChange: (text: string, query: ApiQuery | null) => void;
  readonly onRun: () => void;
}

const FEWEST_LINES = 5;
const MOST_LINES = 24;

export function JsonField({ id, text, catalog, onChange, onRun }: JsonFieldProps) {
  const styles = useStyles2(getStyles);
  const parsed = parseJsonQuery(text);
  const names = parsed.ok ? [...checkQuery(parsed.query, catalog)].map(([field, words]) => `${field}: ${words}`) : [];
  const problem = parsed.ok ? names.join(' ') : parsed.message;
  const write = (next: string): void => {
    const read = parseJsonQuery(next);
    onChange(next, read.ok ? read.query : null);
  };
  return (
    <div className={styles.json}>
      <EditorField
        label="Query as JSON"
        id={`${id}-json`}
        tooltip="One query as POST /api/v1/query takes it, without refId and time range. Ctrl+Enter asks."
        problem={problem === '' ? undefined : problem}
      >
        <TextArea
          id={`${id}-json`}
          className={styles.text}
          spellCheck={false}
          rows={Math.min(MOST_LINES, Math.max(FEWEST_LINES, text.split('\n').length))}
          value={text}
          invalid={problem !== ''}
          onChange={(event) => write(event.currentTarget.value)}
          onBlur={onRun}
        />
      </EditorField>
      <Button
        variant="secondary"
        size="sm"
        fill="text"
        icon="brackets-curly"
        disabled={!parsed.ok}
        onClick={() => parsed.ok && write(jsonTextOf(parsed.query))}
      >
        Format
      </Button>
    </div>
  );
}

function getStyles(theme: GrafanaTheme2) {
  return {
    json: css({ width: '100%' }),
    text: css({ fontFamily: theme.typography.fontFamilyMonospace, fontSize: theme.typography.bodySmall.fontSize, lineHeight: 1.5 }),
  };
}
