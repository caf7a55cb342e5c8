// The archive that Grafana installs: one folder named by the plugin's id, with the files' modes, because binaries must be executable.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';

/** Zip knows no time before; the same input gives the same archive. */
const TIME = new Date('1980-01-01T00:00:00');
const UNIX = 3;

/**
 * @param {string} dist @param {readonly string[]} files of it, with forward slashes
 * @param {string} folder the archive's only folder
 * @returns {Uint8Array}
 */
export function zipOf(dist, files, folder) {
  const entries = files.map((file) => {
    const path = join(dist, file);
    const executable = (statSync(path).mode & 0o111) !== 0;
    const mode = 0o100000 | (executable ? 0o755 : 0o644);
    // Above 31 bits a shift would be negative.
    return [`${folder}/${file}`, [readFileSync(path), { os: UNIX, attrs: mode * 0x10000, mtime: TIME }]];
  });
  return zipSync(Object.fromEntries(entries), { level: 9 });
}
