// The aggregator does not answer: what went wrong, what to do, and where.

import { Alert, Button, LinkButton, Stack } from '@grafana/ui';
import type { Problem } from './ask-aggregator';

interface Props {
  readonly problem: Problem;
  readonly dataSourceUid: string;
  readonly again: () => void;
}

export function AggregatorProblem({ problem, dataSourceUid, again }: Props) {
  return (
    <Alert severity="error" title={problem.message}>
      <Stack direction="column" gap={2}>
        <span>{problem.remedy}</span>
        <Stack gap={1}>
          <Button size="sm" icon="sync" onClick={again}>
            Ask again
          </Button>
          <LinkButton size="sm" variant="secondary" icon="cog" href={`/connections/datasources/edit/${encodeURIComponent(dataSourceUid)}`}>
            Data source settings
          </LinkButton>
        </Stack>
      </Stack>
    </Alert>
  );
}
