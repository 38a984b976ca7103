import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The check in front of every server of ours, made before a body is read. Loopback keeps other machines out, but not
 * the pages of a browser on this one: those may come under a name of their own that points here (Host), from a page
 * of any site (Origin, Sec-Fetch-Site), or ask first whether they may (OPTIONS). None of it is answered, and no answer
 * carries a CORS header.
 */
export function ownRequestsOnly(answer: RequestListener): RequestListener {
  return (request, response) => {
    const reason = refusal(request);
    if (reason === undefined) return answer(request, response);
    response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
    response.end(`${reason}\n`);
  };
}

function refusal({ headers, method, socket }: IncomingMessage): string | undefined {
  // A socket that its client has closed has no port, and nobody waits for its answer.
  const own = ['127.0.0.1', 'localhost'].map((name) => new URL(`http://${name}:${socket.localPort ?? 0}`));
  if (!own.some(({ host }) => host === headers.host?.toLowerCase()))
    return `Unknown host. Ask for ${own[0]!.origin} (through a tunnel, with the same port on both sides).`;
  if (headers.origin !== undefined && !own.some(({ origin }) => origin === headers.origin))
    return 'Pages of another origin are not answered.';
  // A request without Origin, as an image or a frame sends it. A link that is followed may come from anywhere.
  const { 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode } = headers;
  if (site !== 'none' && site !== 'same-origin' && mode !== 'navigate')
    return 'Pages of another origin are not answered.';
  if (method === 'OPTIONS') return 'There is nothing to ask permission for here.';
  return undefined;
}

/** Binds to 127.0.0.1 (port 0: any free one) and resolves to `http://127.0.0.1:PORT`. Rejects with the system's error. */
export async function listenOnLoopback(server: Server, port = 0): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
