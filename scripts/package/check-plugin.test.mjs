// The checks against a small plugin that is right, and against the same with one thing broken at a time.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPlugin } from './check-plugin.mjs';
import { zipOf } from './zip.mjs';

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>';
const WORDS = 'Enough words to say something about it. '.repeat(10);
const MODULE = 'define(["react","@grafana/data"],(e,t)=>({plugin:{}}));';

/** @param {string} id @param {string} type @param {object} [more] */
const manifest = (id, type, more = {}) => ({
  type,
  id,
  name: 'A name',
  info: {
    description: 'What it is for.',
    author: { name: 'Tidemark' },
    keywords: ['one'],
    logos: { small: 'img/logo.svg', large: 'img/logo.svg' },
    screenshots: [],
    version: '1.2.3',
    updated: '2026-01-02',
  },
  dependencies: { grafanaDependency: '>=12.3.0', plugins: [] },
  ...more,
});

/** The first bytes of a 64-bit ELF program. @param {number} machine */
function elf(machine) {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head.writeUInt16LE(machine, 18);
  return head;
}

describe('checkPlugin', () => {
  /** @type {string} */
  let root;
  /** @param {string} path @param {string | Buffer | object} content */
  const write = (path, content) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  };
  const app = (/** @type {object} */ more = {}) =>
    manifest('tidemark-realtime-app', 'app', {
      includes: [
        { type: 'datasource', name: 'D', path: 'datasource/plugin.json' },
        { type: 'dashboard', name: 'B', path: 'dashboards/b.json' },
        { type: 'page', name: 'P', path: '/a/tidemark-realtime-app/setup' },
      ],
      ...more,
    });
  const source = (/** @type {object} */ more = {}) =>
    manifest('tidemark-realtime-datasource', 'datasource', { backend: true, alerting: true, executable: 'gpx_x', ...more });
  const found = (platforms = ['linux_amd64']) =>
    checkPlugin(root, { platforms }).findings.map(({ path, message }) => `${path}: ${message}`);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tidemark-package-'));
    write('package.json', { version: '1.2.3' });
    write('dist/plugin.json', app());
    write('dist/module.js', MODULE);
    write('dist/img/logo.svg', SVG);
    write('dist/datasource/plugin.json', source());
    write('dist/datasource/module.js', MODULE);
    write('dist/datasource/img/logo.svg', SVG);
    write('dist/datasource/gpx_x_linux_amd64', elf(0x3e));
    chmodSync(join(root, 'dist/datasource/gpx_x_linux_amd64'), 0o755);
    write('dist/dashboards/b.json', {});
    write('dist/README.md', WORDS);
    write('dist/LICENSE', WORDS);
    write('dist/CHANGELOG.md', `# Changelog\n\n## 1.2.3 (2026-01-02)\n\n${WORDS}`);
    write(
      'pkg/main.go',
      'package main\n\nimport (\n\t"os"\n\t"fmt"\n)\n\n// os.Getenv is not used here\nfunc main() { fmt.Println(1); os.Exit(1) }\n',
    );
    write('src/module.tsx', 'export const plugin = 1; // no findDOMNode here\n');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('finds nothing wrong with a plugin that is right', () => {
    expect(found()).toEqual([]);
    expect(checkPlugin(root, { platforms: [] })).toMatchObject({ id: 'tidemark-realtime-app', version: '1.2.3' });
  });

  it('says when nothing has been built', () => {
    rmSync(join(root, 'dist'), { recursive: true });
    expect(found()).toContain('plugin.json: it is missing');
  });

  describe('manifests', () => {
    const info = manifest('', '').info;
    it.each([
      ['an id in capitals', app({ id: 'Tidemark-realtime-app' }), /the id is "Tidemark-realtime-app"/],
      ['an id of another type', app({ id: 'tidemark-realtime-panel' }), /does not end in the type app/],
      ['no name', app({ name: '' }), /the name is missing/],
      ['a placeholder that nobody filled in', app({ info: { ...info, description: '%PLUGIN_ID%' } }), /a placeholder is not filled in/],
      ['another version than package.json', app({ info: { ...info, version: '1.2.4' } }), /the version is "1.2.4", package.json has 1.2.3/],
      ['a date that is none', app({ info: { ...info, updated: '2026-02-30' } }), /updated is "2026-02-30"/],
      ['no description', app({ info: { ...info, description: '' } }), /the description is missing/],
      ['no author', app({ info: { ...info, author: {} } }), /the author has no name/],
      ['no keywords', app({ info: { ...info, keywords: [] } }), /no keywords/],
      [
        'a logo that is not there',
        app({ info: { ...info, logos: { ...info.logos, small: 'img/no.svg' } } }),
        /small logo is not there: img\/no.svg/,
      ],
      ['a logo of another site', app({ info: { ...info, logos: { ...info.logos, large: 'https://x/y.svg' } } }), /large logo is https:/],
      [
        'a screenshot that is not there',
        app({ info: { ...info, screenshots: [{ name: 'S', path: 'img/s.png' }] } }),
        /screenshot S is not there/,
      ],
      ['a Grafana that is too old', app({ dependencies: { grafanaDependency: '>=11.0.0' } }), /grafanaDependency is ">=11.0.0"/],
      ['no Grafana named', app({ dependencies: {} }), /grafanaDependency is undefined/],
      [
        'a dashboard that is not there',
        app({ includes: [{ type: 'dashboard', name: 'X', path: 'dashboards/x.json' }] }),
        /dashboard X is not there/,
      ],
      ['a page of another app', app({ includes: [{ type: 'page', name: 'X', path: '/a/other/x' }] }), /page X has the path/],
    ])('finds %s', (_, broken, words) => {
      write('dist/plugin.json', broken);
      expect(found().join('\n')).toMatch(words);
    });

    it('finds one that is not JSON', () => {
      write('dist/datasource/plugin.json', '{');
      expect(found().join('\n')).toMatch(/datasource\/plugin.json: it is not JSON/);
    });

    it('finds a nested plugin of another organization, one that is not listed, and an id used twice', () => {
      write('dist/datasource/plugin.json', source({ id: 'acme-realtime-datasource' }));
      expect(found()).toContain('datasource/plugin.json: the id acme-realtime-datasource is not of tidemark');
      write('dist/panels/x/plugin.json', source({ backend: false, alerting: false }));
      write('dist/panels/x/module.js', MODULE);
      write('dist/panels/x/img/logo.svg', SVG);
      write('dist/datasource/plugin.json', source());
      const findings = found();
      expect(findings).toContain('panels/x/plugin.json: the app does not list it');
      expect(findings).toContain('plugin.json: the id tidemark-realtime-datasource is used twice');
    });

    it('finds a logo that is named SVG and is not', () => {
      write('dist/img/logo.svg', 'hello');
      expect(found()).toContain('plugin.json: the small logo is no SVG: img/logo.svg');
    });

    it('finds alerting without a backend, and a backend without a program', () => {
      write('dist/datasource/plugin.json', source({ backend: false }));
      expect(found()).toContain('datasource/plugin.json: alerting needs a backend');
      write('dist/datasource/plugin.json', source({ executable: '' }));
      expect(found()).toContain('datasource/plugin.json: a backend needs an executable');
    });
  });

  describe('modules', () => {
    it('finds one that is missing, and one that Grafana cannot load', () => {
      rmSync(join(root, 'dist/datasource/module.js'));
      write('dist/module.js', 'export const plugin = 1;');
      expect(found()).toEqual(['module.js: it is no AMD module', 'datasource/module.js: it is missing']);
    });

    it('finds a nested one that loads chunks', () => {
      write('dist/datasource/module.js', `${MODULE}r.u=e=>e+".js?_cache=abc"`);
      expect(found().join('\n')).toMatch(/datasource\/module.js: it loads chunks/);
      write('dist/datasource/module.js', MODULE);
      write('dist/module.js', `${MODULE}r.u=e=>e+".js?_cache=abc"`);
      expect(found()).toEqual([]);
    });

    it('finds React in a bundle, and not where it is only used', () => {
      write('dist/123.js', 'var t={};t.__CLIENT_INTERNALS_DO_NOT_USE_OR_WARN_USERS_THEY_CANNOT_UPGRADE={H:null};');
      expect(found()).toEqual(['123.js: React is bundled into it']);
      write('dist/123.js', 'var i=r.__CLIENT_INTERNALS_DO_NOT_USE_OR_WARN_USERS_THEY_CANNOT_UPGRADE;i===1');
      expect(found()).toEqual([]);
    });
  });

  describe('binaries', () => {
    it('finds those that are asked for and missing', () => {
      expect(found(['linux_amd64', 'windows_arm64'])).toEqual(['datasource/gpx_x_windows_arm64.exe: the binary is missing']);
    });

    it('finds one for another processor, and one that is no program', () => {
      write('dist/datasource/gpx_x_linux_amd64', elf(0xb7));
      expect(found()).toEqual(['datasource/gpx_x_linux_amd64: it is linux_arm64, not a program for linux_amd64']);
      write('dist/datasource/gpx_x_linux_amd64', '#!/bin/sh');
      expect(found()).toEqual(['datasource/gpx_x_linux_amd64: it is no program, not a program for linux_amd64']);
    });

    it('finds one that may not be executed', () => {
      chmodSync(join(root, 'dist/datasource/gpx_x_linux_amd64'), 0o644);
      expect(found()).toEqual(['datasource/gpx_x_linux_amd64: it may not be executed']);
    });
  });

  describe('papers', () => {
    it.each(['README.md', 'LICENSE', 'CHANGELOG.md'])('finds that %s is missing, or empty', (path) => {
      write(`dist/${path}`, 'x');
      expect(found()).toContain(`${path}: it says next to nothing`);
      rmSync(join(root, 'dist', path));
      expect(found()).toContain(`${path}: it is missing`);
    });

    it('finds a version that the changelog does not have', () => {
      write('package.json', { version: '1.2.30' });
      expect(found()).toContain('CHANGELOG.md: it has no chapter for 1.2.30');
    });

    it('finds what belongs to the workshop', () => {
      write('dist/.env', 'TOKEN=1');
      write('dist/module.tsx', '');
      write('dist/datasource/key.pem', '');
      expect(found().sort()).toEqual(
        ['.env', 'datasource/key.pem', 'module.tsx'].map((path) => `${path}: it does not belong into a package`),
      );
    });
  });

  describe('sources', () => {
    it.each([
      ['import "syscall"\n', 'it imports syscall'],
      ['import (\n\t"fmt"\n\texec "os/exec"\n)\n', 'it imports os/exec'],
      ['import "golang.org/x/sys/unix"\n', 'it imports golang.org/x/sys/unix'],
      ['import "os"\nvar x = os.Getenv("A")\n', 'it uses os.Getenv'],
      ['import (\n\t"os"\n)\nfunc f() { _, _ = os.ReadFile("a") }\n', 'it uses os.ReadFile'],
    ])('finds a backend that reaches around Grafana: %j', (code, words) => {
      write('pkg/plugin/bad.go', `package plugin\n\n${code}`);
      expect(found()).toEqual([`pkg/plugin/bad.go: ${words}`]);
    });

    it('lets tests do as they like', () => {
      write('pkg/plugin/x_test.go', 'package plugin\n\nimport "os/exec"\n');
      expect(found()).toEqual([]);
    });

    it('finds what React 19 or the oldest Grafana does not have', () => {
      write('src/panels/Bad.tsx', 'import { VizTooltipWrapper } from "@grafana/ui";\nBad.defaultProps = {};\n');
      expect(found()).toHaveLength(2);
    });

    it('takes what the oldest Grafana has, types of any, and nothing by way of a namespace or an inner path', () => {
      write(
        'src/good.ts',
        "import {\n  FieldType,\n  type NotYet,\n  dateTime as at,\n} from '@grafana/data';\nimport type { Later } from '@grafana/ui';\n",
      );
      expect(found()).toEqual([]);
      write('src/bad.ts', "import * as ui from '@grafana/ui';\nimport { Combobox } from '@grafana/ui/unstable';\n");
      expect(found()).toEqual([
        'src/bad.ts: @grafana/ui of Grafana 12.3.0 has no *',
        'src/bad.ts: @grafana/ui/unstable of Grafana 12.3.0 has no Combobox',
      ]);
    });
  });

  it('packs everything into one folder named by the id, executables executable', () => {
    const { files, id } = checkPlugin(root, { platforms: [] });
    const archive = zipOf(join(root, 'dist'), files, id);
    expect(zipOf(join(root, 'dist'), files, id)).toEqual(archive);
    const entries = unzipSync(archive);
    expect(Object.keys(entries).sort()).toEqual(files.map((file) => `tidemark-realtime-app/${file}`).sort());
    expect(Buffer.from(entries['tidemark-realtime-app/module.js'] ?? []).toString()).toBe(MODULE);
    expect(modesOf(archive)).toMatchObject({
      'tidemark-realtime-app/datasource/gpx_x_linux_amd64': 0o755,
      'tidemark-realtime-app/module.js': 0o644,
    });
  });
});

/** From the central directory: the upper half of the external attributes. @param {Uint8Array} archive @returns {Record<string, number>} */
function modesOf(archive) {
  const bytes = Buffer.from(archive);
  /** @type {Record<string, number>} */
  const modes = {};
  for (let at = bytes.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 4, 'latin1')) {
    const name = bytes.toString('utf8', at + 46, at + 46 + bytes.readUInt16LE(at + 28));
    modes[name] = (bytes.readUInt32LE(at + 38) >>> 16) & 0o777;
  }
  return modes;
}
