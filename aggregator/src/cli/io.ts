// What a command may touch of the process around it: streams, the environment, the built page. Tests give their own.

import type { Failpoints } from '../failpoints.js';

export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The built preview page; '' where this installation has none. */
  readonly previewDir: string;
  /** Given by programs that tests build; left out by the one that is shipped. */
  readonly failpoints?: Failpoints;
}
