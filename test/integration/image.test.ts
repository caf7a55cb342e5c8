// The images: what their Dockerfiles copy exists and reaches the build, bases are pinned, nothing runs as root, and the program needs
// no package that is left out.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { copied, copiedFrom, inBuildContext, readDockerfile } from '../support/dockerfile.js';
import { repositoryRoot } from '../support/repository-root.js';

const root = repositoryRoot();
const IMAGES = ['Dockerfile', 'deploy/grafana.Dockerfile'].map((file) => ({ file, stages: readDockerfile(join(root, file)) }));
const [aggregator] = IMAGES;

describe.each(IMAGES)('$file', ({ stages }) => {
  it('starts from images of an exact version, or from stages of its own', () => {
    for (const { image } of stages) expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*$/);
    for (const { instructions } of stages) {
      for (const name of instructions.flatMap(copiedFrom)) expect(stages.map((stage) => stage.name)).toContain(name);
    }
  });

  it('copies only what a clean checkout has and the build may see', () => {
    const sources = stages.flatMap(({ instructions }) => instructions.filter(({ name }) => name === 'COPY').flatMap(copied));
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) expect([source, inBuildContext(root, source)]).toEqual([source, true]);
  });

  it('does not run as root', () => {
    const user = stages.at(-1)?.instructions.findLast(({ name }) => name === 'USER')?.text ?? '';
    expect(user).toMatch(/^[1-9]\d*:\d+$/);
  });

  it('has no secret in it', () => {
    for (const { instructions } of stages) {
      for (const { name, text } of instructions)
        if (name === 'ENV' || name === 'ARG') expect(text).not.toMatch(/PASSWORD|TOKEN|SECRET|KEY/i);
    }
  });
});

describe('what the build may see', () => {
  it.each([
    'node_modules/kafkajs/package.json',
    'aggregator/dist/tidemark.js',
    'aggregator/src/clock.test.ts',
    'docker-compose.yaml',
    '.git/HEAD',
    '.env',
    'docs/live.md',
  ])('is not %s', (path) => {
    expect(inBuildContext(root, path)).toBe(false);
  });
});

describe("the aggregator's image", () => {
  const final = aggregator.stages.at(-1)?.instructions ?? [];
  const manifest = JSON.parse(readFileSync(join(root, 'aggregator', 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    optionalDependencies: Record<string, string>;
  };

  it('says whether it is alive, and ends on SIGTERM as the program itself', () => {
    expect(final.find(({ name }) => name === 'HEALTHCHECK')?.text).toContain('/healthz');
    expect(final.find(({ name }) => name === 'ENTRYPOINT')?.text).toBe('["tidemark"]');
  });

  it('has every package that the program imports; the embedded engine is the only one it can do without', async () => {
    const { metafile } = await build({
      entryPoints: [join(root, 'aggregator', 'src', 'main.ts')],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
      outfile: 'tidemark.js',
    });
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.filter(({ external }) => external === true));
    const packages = imports
      .map(({ path, kind }) => ({ name: /^(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path, kind }))
      .filter(({ name }) => !name.startsWith('node:'));
    expect(packages.length).toBeGreaterThan(10);
    const always = packages.filter(({ kind }) => kind === 'import-statement').map(({ name }) => name);
    for (const name of always) expect(Object.keys(manifest.dependencies)).toContain(name);
    const later = packages.filter(({ name, kind }) => kind !== 'import-statement' && !(name in manifest.dependencies));
    for (const { name } of later) expect(Object.keys(manifest.optionalDependencies)).toContain(name);
    expect(Object.keys(manifest.optionalDependencies)).toEqual(['chdb']);
  });
});
