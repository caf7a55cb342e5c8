// What a command may touch of the process around it: streams, the environment, the built page. Tests give their own.

export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The built preview page; '' where this installation has none. */
  readonly previewDir: string;
}
