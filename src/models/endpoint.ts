/** An address with its credentials taken out: fetch refuses a URL that has them, and errors must not print them. */
export interface Endpoint {
  /** Without credentials; safe to show. */
  readonly url: string;
  /** The value of an Authorization header (basic) for the credentials of the URL; null: it had none. */
  readonly authorization: string | null;
  /** The password and the header's value, to be removed from a server's words. */
  readonly secrets: readonly string[];
}

/** Splits an absolute URL. Throws TypeError for text that is no URL. */
export function endpointOf(text: string): Endpoint {
  const url = new URL(text);
  const user = decoded(url.username);
  const password = decoded(url.password);
  const keys = keysIn(url);
  if (user === '' && password === '') return { url: text, authorization: null, secrets: keys };
  const token = Buffer.from(`${user}:${password}`, 'utf8').toString('base64');
  return {
    url: withoutUser(text, ''),
    authorization: `Basic ${token}`,
    secrets: [token, password, url.password, ...keys].filter((secret) => secret.length > 2),
  };
}

/** Parameters of a query that hold a key, such as ?key=… (Gemini) or ?subscription-key=… (Azure's gateway). */
const KEY = /key|token|secret|passw|signature|^sig$|auth/i;

const keysIn = ({ searchParams }: URL): readonly string[] =>
  [...searchParams].flatMap(([name, value]) => (KEY.test(name) && value.length > 2 ? [value] : []));

/**
 * The text with the credentials of every URL in it replaced, and the keys in their queries by •••. In what is no URL,
 * all before an @ may be a password.
 */
export function withoutCredentials(text: string, by = ''): string {
  return withoutUser(text, by).replace(/([?&]([^=&?#\s]+)=)[^&#\s"']+/g, (whole, before: string, name: string) =>
    KEY.test(name) ? `${before}•••` : whole,
  );
}

function withoutUser(text: string, by: string): string {
  const shown = text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/gi, (_, scheme: string) => `${scheme}${by}`)
    .replace(/(^|,)(?![a-z][a-z0-9+.-]*:\/\/)[^\s/?#,]*@/gi, (_, before: string) => `${before}${by}`);
  const left = by === '' ? shown : shown.replaceAll(by, '');
  if (!left.includes('@') || URL.canParse(text)) return shown;
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, (_, scheme: string | undefined) => `${scheme ?? ''}${by}`);
}

/** The text with these secrets replaced. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '•••')), text);
}

/** A % that begins no escape is read as it is, as browsers and curl do. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
