// Produces by kcat (librdkafka): another client than the one under test, with every compression.

import { spawn } from 'node:child_process';

export interface KcatRecords {
  readonly topic: string;
  readonly partition?: number;
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** One record a line; no line feeds inside. */
  readonly values: readonly string[];
  /** Turns empty values into null ones. */
  readonly tombstones?: boolean;
}

/** Resolves when the broker has them. @throws Error when kcat is missing or fails */
export async function produceByKcat(
  brokers: readonly string[],
  { topic, partition, compression = 'none', values, tombstones = false }: KcatRecords,
): Promise<void> {
  const args = ['-P', '-b', brokers.join(','), '-t', topic, '-z', compression, '-K', '\t', ...(tombstones ? ['-Z'] : [])];
  if (partition !== undefined) args.push('-p', String(partition));
  await new Promise<void>((resolve, reject) => {
    const kcat = spawn('kcat', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let errors = '';
    kcat.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    kcat.on('error', reject);
    kcat.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`kcat ended with ${code}: ${errors}`))));
    kcat.stdin.end(values.map((value, i) => `key-${i}\t${value}\n`).join(''));
  });
}
