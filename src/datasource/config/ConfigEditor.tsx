// The settings page of a data source: where the aggregator is, who asks, how it is trusted. Whether it answers, 'Save & test' says.

import { useId, type ChangeEvent, type ReactNode } from 'react';
import type { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Field, FieldSet, Input, SecretInput, SecretTextArea, Switch } from '@grafana/ui';
import type { TidemarkOptions, TidemarkSecrets } from '../settings';
import { numberProblem, urlProblem } from './check-settings';

type Props = DataSourcePluginOptionsEditorProps<TidemarkOptions, TidemarkSecrets>;

const WIDTH = 50;

export function ConfigEditor({ options, onOptionsChange }: Props) {
  const id = useId();
  const { jsonData, secureJsonFields = {}, secureJsonData = {} } = options;
  const set = (fields: Partial<TidemarkOptions>): void => onOptionsChange({ ...options, jsonData: { ...jsonData, ...fields } });
  const setSecret = (name: keyof TidemarkSecrets, value: string): void =>
    onOptionsChange({ ...options, secureJsonData: { ...secureJsonData, [name]: value } });
  const reset = (name: keyof TidemarkSecrets): void =>
    onOptionsChange({
      ...options,
      secureJsonFields: { ...secureJsonFields, [name]: false },
      secureJsonData: { ...secureJsonData, [name]: '' },
    });
  const text = (name: 'url' | 'tenant' | 'tlsServerName') => ({
    id: `${id}-${name}`,
    width: WIDTH,
    value: jsonData[name] ?? '',
    onChange: (event: ChangeEvent<HTMLInputElement>) => set({ [name]: event.currentTarget.value.trim() || undefined }),
  });
  const number = (name: 'timeoutMs' | 'streamSpanMs', unitMs: number) => ({
    id: `${id}-${name}`,
    type: 'number',
    width: 20,
    value: jsonData[name] === undefined ? '' : jsonData[name] / unitMs,
    onChange: (event: ChangeEvent<HTMLInputElement>) =>
      set({ [name]: event.currentTarget.value === '' ? undefined : Math.round(Number(event.currentTarget.value) * unitMs) }),
  });
  const secret = (name: keyof TidemarkSecrets) => ({
    id: `${id}-${name}`,
    isConfigured: secureJsonFields[name] === true,
    value: secureJsonData[name] ?? '',
    onReset: () => reset(name),
  });
  const certificate = (
    name: 'tlsCACert' | 'tlsClientCert' | 'tlsClientKey',
    label: string,
    description: string,
    begins: string,
  ): ReactNode => (
    <Field label={label} description={description} htmlFor={`${id}-${name}`}>
      <SecretTextArea
        {...secret(name)}
        cols={60}
        rows={6}
        placeholder={`-----BEGIN ${begins}-----`}
        onChange={(event: ChangeEvent<HTMLTextAreaElement>) => setSecret(name, event.currentTarget.value)}
      />
    </Field>
  );
  const wrongUrl = urlProblem(jsonData.url ?? '');
  const wrongTimeout = numberProblem(jsonData.timeoutMs, { least: 100, most: 600_000, unit: 'seconds', unitMs: 1_000 });
  const wrongSpan = numberProblem(jsonData.streamSpanMs, { least: 1_000, most: 31 * 86_400_000, unit: 'minutes', unitMs: 60_000 });
  return (
    <>
      <FieldSet label="Aggregator">
        <Field
          label="URL"
          required
          description="Base address of a Tidemark aggregator with the role query, as Grafana's server reaches it."
          htmlFor={`${id}-url`}
          invalid={wrongUrl !== null}
          error={wrongUrl}
        >
          <Input {...text('url')} placeholder="http://localhost:4400" type="url" />
        </Field>
        <Field
          label="Token"
          description="One of the tokens that the definition's tenants have. Kept encrypted, added by Grafana's server, never sent to a browser. Leave it empty where the aggregator runs with auth: none."
          htmlFor={`${id}-token`}
        >
          <SecretInput
            {...secret('token')}
            width={WIDTH}
            autoComplete="off"
            placeholder="Token"
            onChange={(event) => setSecret('token', event.currentTarget.value)}
          />
        </Field>
        <Field
          label="Tenant"
          description="Only to be sure: asks are refused when the token belongs to another tenant. Leave it empty to take the token's."
          htmlFor={`${id}-tenant`}
        >
          <Input {...text('tenant')} placeholder="the token's tenant" />
        </Field>
      </FieldSet>
      <FieldSet label="TLS">
        <Field
          label="Check the server by a CA certificate of your own"
          description="For an aggregator behind https with a certificate that no public authority signed."
          htmlFor={`${id}-ca`}
        >
          <Switch
            id={`${id}-ca`}
            value={jsonData.tlsAuthWithCACert === true}
            onChange={(event) => set({ tlsAuthWithCACert: event.currentTarget.checked })}
          />
        </Field>
        {jsonData.tlsAuthWithCACert === true &&
          certificate('tlsCACert', 'CA certificate', 'In PEM form; several may follow one another.', 'CERTIFICATE')}
        <Field label="Show a client certificate" description="For a proxy that asks Grafana who it is." htmlFor={`${id}-auth`}>
          <Switch id={`${id}-auth`} value={jsonData.tlsAuth === true} onChange={(event) => set({ tlsAuth: event.currentTarget.checked })} />
        </Field>
        {jsonData.tlsAuth === true && (
          <>
            {certificate('tlsClientCert', 'Client certificate', 'In PEM form.', 'CERTIFICATE')}
            {certificate('tlsClientKey', 'Client key', 'In PEM form, without a passphrase.', 'PRIVATE KEY')}
          </>
        )}
        <Field
          label="Server name"
          description="The name in the server's certificate, where it is not the one in the URL."
          htmlFor={`${id}-tlsServerName`}
        >
          <Input {...text('tlsServerName')} placeholder="tidemark.example.com" />
        </Field>
        <Field
          label="Skip the check of the server's certificate"
          description="Anybody on the way could then read the token and change the numbers. Only for trying things out."
          htmlFor={`${id}-skip`}
        >
          <Switch
            id={`${id}-skip`}
            value={jsonData.tlsSkipVerify === true}
            onChange={(event) => set({ tlsSkipVerify: event.currentTarget.checked })}
          />
        </Field>
      </FieldSet>
      <FieldSet label="Patience">
        <Field
          label="Timeout in seconds"
          description="How long Grafana's server waits for an answer. The aggregator has a deadline of its own, 10 s unless the definition says otherwise."
          htmlFor={`${id}-timeoutMs`}
          invalid={wrongTimeout !== null}
          error={wrongTimeout}
        >
          <Input {...number('timeoutMs', 1_000)} placeholder="30" />
        </Field>
        <Field
          label="Live span in minutes"
          description="How far back live rows reach. Longer spans bridge longer breaks and cost more; history is there in any case."
          htmlFor={`${id}-streamSpanMs`}
          invalid={wrongSpan !== null}
          error={wrongSpan}
        >
          <Input {...number('streamSpanMs', 60_000)} placeholder="5" />
        </Field>
      </FieldSet>
    </>
  );
}
