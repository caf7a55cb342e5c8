// Grafana's usage reporting. The preview reports nothing to anybody.

import type { EchoSrv } from '@grafana/runtime';

export class SilentEcho implements EchoSrv {
  flush(): void {
    // Nothing is ever kept.
  }

  addBackend(): void {
    // There is nobody to report to.
  }

  addEvent(): void {
    // Dropped on purpose.
  }

  onInteraction(): () => void {
    return () => undefined;
  }
}
