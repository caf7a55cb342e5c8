// What a panel was given: how each query was executed, what the aggregator says about it, and the frames as they came.

import { css } from '@emotion/css';
import { dataFrameToJSON, type DataFrame, type GrafanaTheme2 } from '@grafana/data';
import { sceneGraph, type VizPanel } from '@grafana/scenes';
import { Drawer, Stack, Tab, TabsBar, Text, useStyles2 } from '@grafana/ui';
import { useState } from 'react';

export function InspectDrawer({ panel, onClose }: { readonly panel: VizPanel; readonly onClose: () => void }) {
  const styles = useStyles2(getStyles);
  const { data } = sceneGraph.getData(panel).useState();
  const [tab, setTab] = useState<'plan' | 'frames'>('plan');
  const series = data?.series ?? [];
  return (
    <Drawer title={`Inspect: ${panel.state.title}`} size="md" onClose={onClose}>
      <TabsBar>
        <Tab label="Plan" active={tab === 'plan'} onChangeTab={() => setTab('plan')} />
        <Tab label="Frames" active={tab === 'frames'} onChangeTab={() => setTab('frames')} counter={series.length} />
      </TabsBar>
      <div className={styles.content}>
        <Stack direction="column" gap={2}>
          {data?.errors?.map(({ message }) => (
            <Text key={message} color="error">
              {message ?? 'It failed, and no reason was told.'}
            </Text>
          ))}
          {series.map((frame, index) => (
            <div key={`${frame.refId}-${index}`}>
              <Text variant="h6">
                {frame.refId ?? ''} · {frame.fields.length} fields · {frame.length} rows
              </Text>
              <pre className={styles.text}>
                {tab === 'plan' ? planOf(frame) : JSON.stringify(dataFrameToJSON(frame), null, 1).slice(0, 20_000)}
              </pre>
            </div>
          ))}
        </Stack>
      </div>
    </Drawer>
  );
}

function planOf({ meta }: DataFrame): string {
  return [meta?.executedQueryString ?? 'no plan was told', JSON.stringify(meta?.custom ?? {}, null, 2)].join('\n\n');
}

const getStyles = (theme: GrafanaTheme2) => ({
  content: css({ paddingTop: theme.spacing(2) }),
  text: css({ fontSize: theme.typography.bodySmall.fontSize, whiteSpace: 'pre-wrap' }),
});
