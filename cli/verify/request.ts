import { Agent, get } from 'node:http';
import type { Socket } from 'node:net';
import { type Endpoint, formatEndpoint, plainEndpoint } from '../../lib/net/address.js';
import { readAnswer, type ServerReport, serverReport } from '../probe/answer.js';
import type { Verdict } from './verdict.js';

/** A request of our own, and what `toa serve` said about it. */
export interface VerifiedRequest {
  readonly url: string;
  /** Where it came from: our end of the connection. */
  readonly client: Endpoint | undefined;
  readonly server: ServerReport | undefined;
  readonly verdict: Verdict;
}

/** Milliseconds until a request has failed. */
const TIMEOUT = 5000;
const LONGEST_ANSWER = 1 << 20;

/** Makes a request, over a connection of its own, and compares the client that the server tells with ours. Never rejects. */
export async function verifyRequest(url: string, signal: AbortSignal): Promise<VerifiedRequest> {
  try {
    const { client, body } = await fetchBody(url, signal);
    const server = serverReport(readAnswer(body));
    return { url, client, server, verdict: judgeRequest(client, server) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const remedy = 'look whether the service is up: toa serve on the real servers, behind the balancer';
    return { url, client: undefined, server: undefined, verdict: { verdict: 'no-answer', reason, remedy } };
  }
}

function fetchBody(url: string, signal: AbortSignal): Promise<{ client: Endpoint; body: Uint8Array }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: new Agent({ keepAlive: false }), signal }, (response) => {
      const client = ownEnd(response.socket);
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > LONGEST_ANSWER) fail(`an answer of more than ${LONGEST_ANSWER} bytes`);
      });
      response.on('end', () => resolve({ client, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    const fail = (why: string) => request.destroy(new Error(why));
    const limit = setTimeout(() => fail(`no answer in ${TIMEOUT / 1000} seconds`), TIMEOUT);
    request.on('error', reject).on('close', () => clearTimeout(limit));
  });
}

function ownEnd({ localAddress = '', localPort = 0 }: Socket): Endpoint {
  return plainEndpoint(localAddress, localPort);
}

function judgeRequest(client: Endpoint, server: ServerReport | undefined): Verdict {
  if (!server) {
    return {
      verdict: 'unknown',
      reason: 'whoever answered does not tell who it thinks its client is',
      remedy: 'run toa serve on the real servers of that service',
    };
  }
  const seen = text(server.client);
  if (seen === text(client)) {
    return server.reason === 'recovered'
      ? { verdict: 'recovered', reason: `the server knows ${seen}, behind ${server.peer.address}` }
      : { verdict: 'direct', reason: 'the server sees us as its peer: there is no balancer between' };
  }
  if (server.reason === 'recovered') {
    return {
      verdict: 'wrong',
      reason: `the server knows ${seen}, and we came from ${text(client)}`,
      remedy: 'look for address translation between here and the balancer',
    };
  }
  return { verdict: 'lost', ...explanations[server.reason](server) };
}

type Explain = (server: ServerReport) => Omit<Verdict, 'verdict'>;

const notTrusted: Explain = ({ peer }) => ({
  reason: `the server does not trust ${peer.address}, which the connection came from`,
  remedy:
    'if that is the balancer, trust it there: --trust of toa serve, net.toa.trusted of the kernel module',
});

const explanations: Readonly<Record<Exclude<ServerReport['reason'], 'recovered'>, Explain>> = {
  missing: ({ peer, module }) => ({
    reason: `the server saw no option from ${peer.address} that it accepts`,
    remedy: module
      ? 'look there with toa verify --port what the balancer writes, and what the module makes of it'
      : 'load the kernel module there (toa module load), or have the balancer mark the SYN',
  }),
  noSyn: () => ({
    reason: 'the server kept no SYN: it answers with SYN cookies, or has begun to listen a moment ago',
    remedy: 'try again; where it goes on, load the kernel module there',
  }),
  malformed: ({ peer }) => ({
    reason: `the option of ${peer.address} names no possible client`,
    remedy: 'look there with toa watch --odd what the balancer writes',
  }),
  untrusted: notTrusted,
  direct: notTrusted,
};

const text = ({ address, port }: Endpoint) => formatEndpoint(address, port);
