// Self-made certificates for servers that a test reaches by TLS: one authority, one server for 127.0.0.1 and localhost, one client.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export interface Certificates {
  /** PEM texts. */
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** PEM files, for the server's own arguments. */
  readonly caFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  /** Key and certificate chain in one file, as Kafka takes them. */
  readonly serverKeystoreFile: string;
}

/** @param folder where the files go; they are good for two days. @throws Error when openssl is missing */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string): string => join(folder, name);
  await run('openssl', [
    'req',
    '-x509',
    ...NEW_KEY,
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.crt'),
  ]);
  await writeFile(file('names.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  for (const name of ['server', 'client']) {
    await run('openssl', ['req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`)]);
    const authority = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', file('names.ext')];
    await run('openssl', ['x509', '-req', '-in', file(`${name}.csr`), ...authority, '-out', file(`${name}.crt`)]);
  }
  const keystore = await Promise.all(['server.key', 'server.crt', 'ca.crt'].map((name) => readFile(file(name), 'utf8')));
  await writeFile(file('server.keystore.pem'), keystore.join(''));
  const [ca, clientCert, clientKey] = await Promise.all(['ca.crt', 'client.crt', 'client.key'].map((name) => readFile(file(name), 'utf8')));
  return {
    ca,
    clientCert,
    clientKey,
    caFile: file('ca.crt'),
    serverCertFile: file('server.crt'),
    serverKeyFile: file('server.key'),
    serverKeystoreFile: file('server.keystore.pem'),
  };
}
