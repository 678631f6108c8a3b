/** The files' contents (PEM), not their paths. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** Name in the broker's certificate, if it differs from the host's. */
  readonly servername?: string;
}
