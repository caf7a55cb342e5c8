// The Kafka that tests run against: the broker's own jars from Maven Central, kept under .cache/kafka, and folders formatted for
// its nodes. Both are made once per checkout, by whichever process comes first.

import { execFile } from 'node:child_process';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withFileLock } from './file-lock.js';
import { repositoryRoot } from './repository-root.js';

const run = promisify(execFile);

export const KAFKA_VERSION = '4.4.0';
// Any 16 bytes will do; every cluster of these tests has its own ports and is reached by nothing else.
const CLUSTER_ID = 'dGlkZW1hcmsta2Fma2EtMA';
const INSTALL_WITHIN_MS = 600_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemark.test</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

function home(): string {
  return join(repositoryRoot(), '.cache', 'kafka', KAFKA_VERSION);
}

/** Java's class path for the broker. Downloads the jars the first time. @throws Error when mvn is missing or has no network */
export async function kafkaClassPath(): Promise<string> {
  const libs = join(home(), 'libs');
  if (!existsSync(libs)) {
    await withFileLock(`${home()}.lock`, INSTALL_WITHIN_MS, async () => {
      if (existsSync(libs)) return;
      const scratch = join(home(), 'download');
      await rm(scratch, { recursive: true, force: true });
      await mkdir(scratch, { recursive: true });
      await writeFile(join(scratch, 'pom.xml'), POM);
      await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(scratch, 'libs')}`], { cwd: scratch });
      await rename(join(scratch, 'libs'), libs);
      await rm(scratch, { recursive: true, force: true });
    });
  }
  return join(libs, '*');
}

/**
 * Puts a formatted data folder for node `id` at `folder`. Formatting takes a JVM two seconds and gives the same each time, so it
 * is done once and copied.
 */
export async function formatNode(id: number, folder: string): Promise<void> {
  const template = join(home(), `formatted-${id}`);
  if (!existsSync(template)) {
    const classPath = await kafkaClassPath();
    await withFileLock(`${template}.lock`, INSTALL_WITHIN_MS, async () => {
      if (existsSync(template)) return;
      const scratch = `${template}.new`;
      await rm(scratch, { recursive: true, force: true });
      await mkdir(scratch, { recursive: true });
      await formatAt(classPath, id, scratch, []);
      await rename(scratch, template);
    });
  }
  await cp(template, folder, { recursive: true });
}

/** Formats `folder` itself, with SCRAM users that exist from the first start on. */
export async function formatNodeWithUsers(id: number, folder: string, users: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await formatAt(await kafkaClassPath(), id, folder, users);
}

async function formatAt(classPath: string, id: number, folder: string, users: readonly string[]): Promise<void> {
  const properties = `${folder}.properties`;
  await writeFile(
    properties,
    [
      'process.roles=broker,controller',
      `node.id=${id}`,
      `controller.quorum.voters=${id}@127.0.0.1:1`,
      'controller.listener.names=CONTROLLER',
      'listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1',
      `log.dirs=${folder}`,
      '',
    ].join('\n'),
  );
  const scram = users.flatMap((user) => ['--add-scram', user]);
  const args = [
    '-XX:TieredStopAtLevel=1',
    '-cp',
    classPath,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    CLUSTER_ID,
    '-c',
    properties,
    ...scram,
  ];
  await run('java', args);
  await rm(properties);
}
