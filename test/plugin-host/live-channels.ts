// Live channels as Grafana keeps them: the backend is asked for each subscriber, one stream runs per channel whatever their number, is run
// again when it fails, and is cancelled some time after the last one has gone. What comes is handed to whoever listens then.

import { setTimeout as delay } from 'node:timers/promises';
import type { PluginProcess } from './plugin-process.js';
import type { PluginContext } from './wire.js';

export interface Listener {
  packet(json: string): void;
}

interface Channel {
  readonly listeners: Set<Listener>;
  readonly ended: AbortController;
}

export interface LiveChannelsOptions {
  /** The data source as it is configured when asked. */
  readonly context: () => PluginContext;
  /** How long a channel without listeners goes on. @default 2,000 */
  readonly lingerMs?: number;
  /** Before a failed stream is run again. @default 500 */
  readonly retryMs?: number;
}

export class LiveChannels {
  readonly #plugin: Pick<PluginProcess, 'subscribeStream' | 'runStream'>;
  readonly #options: LiveChannelsOptions;
  readonly #channels = new Map<string, Channel>();
  /** Streams that were run since the start, restarts included. */
  runs = 0;

  constructor(plugin: Pick<PluginProcess, 'subscribeStream' | 'runStream'>, options: LiveChannelsOptions) {
    this.#plugin = plugin;
    this.#options = options;
  }

  /**
   * @param path within the data source; @param data as the browser sent it
   * @returns to be called when the listener goes; null where the backend refuses
   */
  async subscribe(path: string, data: Buffer, listener: Listener): Promise<(() => void) | null> {
    const { status, data: initial } = await this.#plugin.subscribeStream({
      pluginContext: this.#options.context(),
      path,
      data,
      headers: {},
    });
    if (status !== 'OK') return null;
    const channel = this.#channels.get(path) ?? this.#start(path, data);
    if (initial.length > 0) listener.packet(initial.toString('utf8'));
    channel.listeners.add(listener);
    return () => {
      channel.listeners.delete(listener);
      if (channel.listeners.size === 0) void this.#linger(path, channel);
    };
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.ended.abort();
    this.#channels.clear();
  }

  #start(path: string, data: Buffer): Channel {
    const channel: Channel = { listeners: new Set(), ended: new AbortController() };
    this.#channels.set(path, channel);
    void this.#run(path, data, channel);
    return channel;
  }

  async #run(path: string, data: Buffer, channel: Channel): Promise<void> {
    const { signal } = channel.ended;
    while (!signal.aborted) {
      const stream = this.#plugin.runStream({ pluginContext: this.#options.context(), path, data, headers: {} });
      this.runs++;
      const cancel = (): void => stream.cancel();
      signal.addEventListener('abort', cancel);
      try {
        for await (const packet of stream) for (const listener of channel.listeners) listener.packet(packet.data.toString('utf8'));
      } catch {
        // Grafana logs it and runs the stream again, whatever the reason.
      } finally {
        signal.removeEventListener('abort', cancel);
      }
      await delay(this.#options.retryMs ?? 500, undefined, { signal }).catch(() => undefined);
    }
  }

  async #linger(path: string, channel: Channel): Promise<void> {
    await delay(this.#options.lingerMs ?? 2_000, undefined, { ref: false });
    if (channel.listeners.size > 0 || this.#channels.get(path) !== channel) return;
    this.#channels.delete(path);
    channel.ended.abort();
  }
}
