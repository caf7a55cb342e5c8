// Loads a plugin's built module the way Grafana does: fetched as text, run once, its `define` called with the shared modules. The special
// dependency `module` tells it where it was loaded from, by which it finds its later chunks.

import { sharedModule } from './shared-modules.js';

type Define = (dependencies: readonly string[], factory: (...modules: unknown[]) => unknown) => void;

/**
 * @param url absolute
 * @returns what the module exports
 * @throws Error in words where there is no such file or it is no AMD module
 */
export async function loadAmdModule(url: string): Promise<object> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`The plugin module ${new URL(url).pathname} is missing (${response.status}). Build the plugin: npm run build`);
  const source = await response.text();
  let exported: unknown;
  const define: Define = (dependencies, factory) => {
    exported = factory(...dependencies.map((name) => (name === 'module' ? { id: url, uri: url } : sharedModule(name, url))));
  };
  // A plugin's module calls `define` and nothing else of ours; this is how a module of another origin's build is run at all.
  const run = new Function('define', `${source}\n//# sourceURL=${url}`);
  run(Object.assign(define, { amd: true }));
  if (typeof exported !== 'object' || exported === null) throw new Error(`${url} is no AMD module: it never called define.`);
  return exported;
}
