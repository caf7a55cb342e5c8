// Checks of the built plugin.json files against what Grafana and its catalogue demand. Reads dist alone.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import semver from 'semver';

/** The oldest Grafana that the code runs on: it gives plugins react/jsx-runtime. */
const OLDEST_GRAFANA = '12.3.0';
const ID = /^[a-z0-9]+(-[a-z0-9]+)*-(app|datasource|panel)$/;

/**
 * @typedef {{ path: string, message: string, remedy: string }} Finding
 * @typedef {{ path: string, folder: string, json: any }} Manifest path and folder from dist
 */

/**
 * @param {string} dist
 * @param {readonly string[]} files all files of dist, with forward slashes
 * @returns {{ manifests: Manifest[], findings: Finding[] }}
 */
export function readManifests(dist, files) {
  /** @type {Finding[]} */
  const findings = [];
  /** @type {Manifest[]} */
  const manifests = [];
  for (const path of files.filter((file) => posix.basename(file) === 'plugin.json').sort((a, b) => a.length - b.length)) {
    try {
      manifests.push({
        path,
        folder: dirname(path) === '.' ? '' : `${dirname(path)}/`,
        json: JSON.parse(readFileSync(join(dist, path), 'utf8')),
      });
    } catch (error) {
      findings.push({ path, message: `it is not JSON: ${error instanceof Error ? error.message : error}`, remedy: 'Correct its source.' });
    }
  }
  if (!files.includes('plugin.json')) {
    findings.push({ path: 'plugin.json', message: 'it is missing', remedy: 'Build the plugin: npm run build.' });
  }
  return { manifests, findings };
}

/**
 * What every manifest must have, the app's and the nested ones'.
 * @param {string} dist @param {Manifest} manifest @param {string} version of package.json
 * @returns {Finding[]}
 */
export function checkManifest(dist, { path, folder, json }, version) {
  /** @type {Finding[]} */
  const findings = [];
  const find = (/** @type {string} */ message, /** @type {string} */ remedy) => findings.push({ path, message, remedy });
  const info = json.info ?? {};
  if (typeof json.id !== 'string' || !ID.test(json.id)) {
    find(`the id is ${JSON.stringify(json.id)}`, 'Use lower case: organization-name-app, -datasource or -panel.');
  } else if (!json.id.endsWith(`-${json.type}`)) {
    find(`the id ${json.id} does not end in the type ${json.type}`, `End it in -${json.type}.`);
  }
  if (!json.name) find('the name is missing', 'Give it one: people choose by it.');
  if (/%[A-Z_]+%/.test(JSON.stringify(json))) find('a placeholder is not filled in', 'Build it with scripts/build-plugin.mjs.');
  if (semver.valid(info.version) === null || info.version !== version) {
    find(`the version is ${JSON.stringify(info.version)}, package.json has ${version}`, 'Write "%VERSION%" and build again.');
  }
  if (!isDate(info.updated)) find(`updated is ${JSON.stringify(info.updated)}`, 'Write "%TODAY%": it becomes YYYY-MM-DD.');
  if (!info.description) find('the description is missing', 'Say in a sentence what it is for.');
  if (!info.author?.name) find('the author has no name', 'Fill in info.author.name.');
  if (!Array.isArray(info.keywords) || info.keywords.length === 0) find('there are no keywords', 'People search by them.');
  const least =
    semver.validRange(json.dependencies?.grafanaDependency) === null ? null : semver.minVersion(json.dependencies.grafanaDependency);
  if (least === null || semver.lt(least, OLDEST_GRAFANA)) {
    find(
      `grafanaDependency is ${JSON.stringify(json.dependencies?.grafanaDependency)}`,
      `Write ">=${OLDEST_GRAFANA}": the code does not run on older ones.`,
    );
  }
  for (const size of ['small', 'large']) {
    const problem = imageProblem(dist, folder, info.logos?.[size]);
    if (problem !== null) find(`the ${size} logo ${problem}`, 'Put an SVG or PNG beside the manifest’s source, under img/.');
  }
  for (const { path: image, name } of info.screenshots ?? []) {
    const problem = imageProblem(dist, folder, image);
    if (problem !== null) find(`the screenshot ${name ?? ''} ${problem}`, 'Put it under src/img.');
  }
  if (json.type !== 'app' && json.backend === true && !json.executable)
    find('a backend needs an executable', 'Name it, as the binaries are named.');
  if (json.alerting === true && json.backend !== true) find('alerting needs a backend', 'Set "backend": true.');
  return findings;
}

/**
 * How the app and the plugins inside it belong together.
 * @param {readonly Manifest[]} manifests @param {readonly string[]} files of dist
 * @returns {Finding[]}
 */
export function checkFamily(manifests, files) {
  const app = manifests.find(({ path }) => path === 'plugin.json');
  if (app === undefined) return [];
  /** @type {Finding[]} */
  const findings = [];
  const includes = Array.isArray(app.json.includes) ? app.json.includes : [];
  if (app.json.type !== 'app') {
    findings.push({ path: 'plugin.json', message: `its type is ${app.json.type}`, remedy: 'Only an app can have plugins inside.' });
  }
  const organization = String(app.json.id).split('-')[0];
  for (const { path, json } of manifests.filter((manifest) => manifest !== app)) {
    const at = (/** @type {string} */ message, /** @type {string} */ remedy) => findings.push({ path, message, remedy });
    if (!String(json.id).startsWith(`${organization}-`))
      at(`the id ${json.id} is not of ${organization}`, `Begin it with ${organization}-.`);
    if (json.type === 'app') at('an app stands inside an app', 'Make it a data source or a panel.');
    if (json.dependencies?.grafanaDependency !== app.json.dependencies?.grafanaDependency) {
      at('it asks for another Grafana than the app', 'Use the same grafanaDependency.');
    }
    const listed = includes.find((/** @type {any} */ one) => one.path === path);
    if (listed === undefined) at('the app does not list it', `Add it to "includes" of plugin.json with "path": "${path}".`);
    else if (listed.type !== json.type) at(`the app lists it as ${listed.type}, it is a ${json.type}`, 'Make them equal.');
  }
  const ids = manifests.map(({ json }) => json.id);
  for (const id of ids.filter((one, index) => ids.indexOf(one) !== index)) {
    findings.push({ path: 'plugin.json', message: `the id ${id} is used twice`, remedy: 'Give each plugin its own.' });
  }
  for (const { type, path, name } of includes) {
    const at = (/** @type {string} */ message, /** @type {string} */ remedy) => findings.push({ path: 'plugin.json', message, remedy });
    if (
      type === 'page' &&
      !String(path ?? '').startsWith(`/a/${app.json.id}/`) &&
      !String(path ?? '').startsWith(`/plugins/${app.json.id}`)
    ) {
      at(`the page ${name} has the path ${path}`, `Begin it with /a/${app.json.id}/.`);
    }
    if (['dashboard', 'datasource', 'panel'].includes(type) && !files.includes(String(path))) {
      at(`the ${type} ${name} is not there: ${path}`, 'Correct the path, or put the file under src.');
    }
  }
  return findings;
}

/** @param {string} dist @param {string} folder @param {unknown} image @returns {string | null} */
function imageProblem(dist, folder, image) {
  if (typeof image !== 'string' || image === '') return 'is not given';
  if (/^[a-z]+:/i.test(image) || image.startsWith('/') || image.includes('..')) return `is ${image}, not a file of the plugin`;
  const path = join(dist, folder, image);
  if (!existsSync(path) || !statSync(path).isFile()) return `is not there: ${folder}${image}`;
  const head = readFileSync(path).subarray(0, 512);
  if (image.endsWith('.svg')) return /<svg[\s>]/.test(head.toString('utf8')) ? null : `is no SVG: ${folder}${image}`;
  if (image.endsWith('.png')) return head.subarray(1, 4).toString('latin1') === 'PNG' ? null : `is no PNG: ${folder}${image}`;
  return /\.(jpe?g|webp|gif)$/.test(image) ? null : `is of an unknown kind: ${image}`;
}

/** @param {unknown} text */
function isDate(text) {
  if (typeof text !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
