// A live channel from somebody who runs the plugin's backend as Grafana does. Grafana's own transport between server and browser is no
// package; here the channel's packets come as server-sent events, one stream per channel.

import { toLiveChannelId, type DataFrameJSON, type LiveChannelAddress } from '@grafana/data';
import { Observable } from 'rxjs';

export function grafanaLive(address: LiveChannelAddress): Observable<DataFrameJSON> {
  const parameters = new URLSearchParams({ channel: toLiveChannelId(address), data: JSON.stringify(address.data ?? {}) });
  return new Observable((subscriber) => {
    const source = new EventSource(`/api/live/sse?${parameters.toString()}`);
    source.onmessage = ({ data }) => {
      const packet: DataFrameJSON = JSON.parse(String(data));
      subscriber.next(packet);
    };
    source.addEventListener('refused', ({ data }) => {
      source.close();
      subscriber.error(new Error(String(data)));
    });
    return () => source.close();
  });
}
