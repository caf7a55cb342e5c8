// Stand-in for Grafana's text panel: its content as plain paragraphs.

import type { PanelProps } from '@grafana/data';
import { Text } from '@grafana/ui';

export function TextPanel({ options, replaceVariables }: PanelProps<{ readonly content?: string }>) {
  return (
    <>
      {replaceVariables(options.content ?? '')
        .split('\n\n')
        .map((paragraph) => (
          <Text key={paragraph} element="p">
            {paragraph}
          </Text>
        ))}
    </>
  );
}
