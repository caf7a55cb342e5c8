// Serves the preview's files from one directory, read when asked. Invariant: nothing outside the directory is ever read,
// by whatever spelling, symbolic links included, and nothing whose name begins with a dot.

import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import type { RouteReply } from './route.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

export class StaticFiles {
  readonly #root: string;

  /** @param root directory; need not exist yet */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * @param path as in the address, still percent-encoded
   * @returns null when there is no such file
   */
  async serve(path: string, ifNoneMatch: string | undefined): Promise<RouteReply | null> {
    const file = await this.#find(path);
    if (file === null) return null;
    const body = await readFile(file).catch(() => null);
    if (body === null) return null;
    const headers = {
      'content-type': TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream',
      'cache-control': 'no-cache',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    };
    return ifNoneMatch === headers.etag ? { status: 304, headers, body: '' } : { headers, body };
  }

  async #find(path: string): Promise<string | null> {
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      // Not an address that any file has.
      return null;
    }
    const parts = decoded.split('/').filter((part) => part !== '');
    if (parts.some((part) => part.startsWith('.') || /[\\\0]/.test(part))) return null;
    const wanted = parts.length === 0 || decoded.endsWith('/') ? [...parts, 'index.html'] : parts;
    const [root, file] = await Promise.all([this.#root, join(this.#root, ...wanted)].map((name) => realpath(name).catch(() => null)));
    return root !== null && file !== null && file.startsWith(root + sep) ? file : null;
  }
}
