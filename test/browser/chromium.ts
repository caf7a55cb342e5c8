// A real Chromium for the browser tests, and everything that a page may not do while they run: errors in the console, exceptions, answers
// of 400 and more, requests to anywhere but this machine.

import { chromium, type Browser, type Page } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export interface WatchedPage {
  readonly page: Page;
  /** What went wrong since the last call, each once. */
  complaints(): string[];
}

export interface PageSize {
  readonly width: number;
  readonly height: number;
}

/** @param expected complaints that a test provokes on purpose */
export async function openPage(browser: Browser, size: PageSize = { width: 1400, height: 900 }, expected?: RegExp): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: size });
  const found = new Set<string>();
  const complain = (text: string): void => {
    if (expected?.test(text) !== true) found.add(text);
  };
  page.on('pageerror', (error) => complain(`exception: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complain(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') complain(`request to ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complain(`${response.status()} ${response.url()}`);
  });
  return {
    page,
    complaints: () => {
      const all = [...found];
      found.clear();
      return all;
    },
  };
}
