// Who asks: a token names its tenant. Invariant: how long a check takes says nothing about any token, and a request
// without a valid token is never anybody's when tokens are required.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Definition, Tenant } from '../definition/model.js';
import { apiError } from './api-error.js';

/** Names the tenant that the caller means to be; refused when the token says otherwise. */
export const TENANT_HEADER = 'x-tidemark-tenant';

export interface Credentials {
  readonly authorization: string | undefined;
  readonly tenantHeader: string | undefined;
}

export class Authenticator {
  readonly #required: boolean;
  readonly #first: Tenant;
  readonly #tokens: readonly { readonly digest: Buffer; readonly tenant: Tenant }[];

  constructor(def: Pick<Definition, 'authRequired' | 'tenants'>) {
    this.#required = def.authRequired;
    this.#first = def.tenants[0];
    this.#tokens = def.tenants.flatMap((tenant) => tenant.tokenSha256.map((hex) => ({ digest: Buffer.from(hex, 'hex'), tenant })));
  }

  /** @throws ApiError 401 without a valid token, 403 when the tenant that is asked for is not the token's */
  tenantOf(credentials: Credentials): Tenant {
    const tenant = this.#required ? this.#byToken(credentials.authorization) : this.#first;
    const asked = credentials.tenantHeader;
    if (asked !== undefined && asked !== tenant.name) {
      throw apiError(
        403,
        'FOREIGN_TENANT',
        'This token does not give access to the tenant that was asked for.',
        `Leave the ${TENANT_HEADER} header out, or use a token of that tenant.`,
      );
    }
    return tenant;
  }

  #byToken(authorization: string | undefined): Tenant {
    const challenge = { 'www-authenticate': 'Bearer realm="tidemark"' };
    if (authorization === undefined) {
      throw apiError(401, 'TOKEN_MISSING', 'A token is required.', "Send the header 'Authorization: Bearer <token>'.", challenge);
    }
    const match = /^Bearer +([^\s]{1,1024}) *$/i.exec(authorization);
    const found = createHash('sha256')
      .update(match?.[1] ?? '')
      .digest();
    let tenant: Tenant | null = null;
    // All of them are compared, so that the time taken does not tell which one was near.
    for (const token of this.#tokens) {
      if (token.digest.length === found.length && timingSafeEqual(token.digest, found)) tenant ??= token.tenant;
    }
    if (match === null || tenant === null) {
      throw apiError(401, 'TOKEN_INVALID', 'The token is not valid.', 'Check the token; its SHA-256 must be among those of a tenant.', {
        'www-authenticate': 'Bearer realm="tidemark", error="invalid_token"',
      });
    }
    return tenant;
  }
}
