import type { DataSourceSettings } from '@grafana/data';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { describe, expect, it } from 'vitest';
import type { TidemarkOptions, TidemarkSecrets } from '../settings';
import { ConfigEditor } from './ConfigEditor';

type Settings = DataSourceSettings<TidemarkOptions, TidemarkSecrets>;

function edit(jsonData: TidemarkOptions, secureJsonFields: Record<string, boolean> = {}): () => Settings {
  let now = { jsonData, secureJsonFields, secureJsonData: {} } as Settings;
  function Held() {
    const [options, setOptions] = useState(now);
    const change = (next: Settings): void => {
      now = next;
      setOptions(next);
    };
    return <ConfigEditor options={options} onOptionsChange={change} />;
  }
  render(<Held />);
  return () => now;
}

describe('the config editor', () => {
  it('stores the address, and says what is wrong with one while it is typed', () => {
    const settings = edit({});
    expect(screen.getByText(/Enter the aggregator/)).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/^URL/), { target: { value: 'http://localhost:4400/api/v1' } });
    expect(screen.getByText(/Leave \/api out/)).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/^URL/), { target: { value: ' http://localhost:4400 ' } });
    expect(settings().jsonData.url).toBe('http://localhost:4400');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('keeps the token among the secrets, never shows a stored one, and forgets it on reset', () => {
    const settings = edit({ url: 'http://x' }, { token: true });
    fireEvent.click(screen.getByRole('button', { name: /reset/i }));
    expect(settings().secureJsonFields.token).toBe(false);
    fireEvent.change(screen.getByLabelText(/^Token/), { target: { value: 's3cret' } });
    expect(settings().secureJsonData).toEqual({ token: 's3cret' });
    expect(JSON.stringify(settings().jsonData)).not.toContain('s3cret');
  });

  it('asks for certificates where they are wanted', () => {
    const settings = edit({ url: 'https://x' });
    expect(screen.queryByLabelText(/^CA certificate/)).toBeNull();
    fireEvent.click(screen.getByLabelText(/Check the server by a CA/));
    fireEvent.change(screen.getByLabelText(/^CA certificate/), { target: { value: 'PEM' } });
    fireEvent.click(screen.getByLabelText(/Show a client certificate/));
    fireEvent.change(screen.getByLabelText(/^Client key/), { target: { value: 'KEY' } });
    expect(settings().jsonData).toMatchObject({ tlsAuthWithCACert: true, tlsAuth: true });
    expect(settings().secureJsonData).toEqual({ tlsCACert: 'PEM', tlsClientKey: 'KEY' });
  });

  it('takes times in the units that people think in', () => {
    const settings = edit({ url: 'http://x', timeoutMs: 5_000 });
    const timeout = screen.getByLabelText(/^Timeout/);
    expect((timeout as HTMLInputElement).value).toBe('5');
    fireEvent.change(timeout, { target: { value: '9000' } });
    expect(screen.getByText('From 0.1 to 600 seconds.')).toBeTruthy();
    fireEvent.change(timeout, { target: { value: '2.5' } });
    fireEvent.change(screen.getByLabelText(/^Live span/), { target: { value: '15' } });
    expect(settings().jsonData).toMatchObject({ timeoutMs: 2_500, streamSpanMs: 900_000 });
    fireEvent.change(timeout, { target: { value: '' } });
    expect(settings().jsonData.timeoutMs).toBeUndefined();
  });
});
