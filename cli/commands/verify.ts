import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { ToaError } from '../../lib/errors.js';
import { exitStatus } from '../exit-status.js';
import { aborted, Interruption } from '../interruption.js';
import { addManual } from '../output/manual.js';
import { print, printJson, say } from '../output/streams.js';
import { connectionJson, requestJson } from '../verify/json.js';
import { LiveVerification } from '../verify/live.js';
import { type VerifiedRequest, verifyRequest } from '../verify/request.js';
import { connectionLine, requestLine, Tally } from '../verify/text.js';
import { failures, type Verdict } from '../verify/verdict.js';
import { portList } from '../watch/plan.js';
import { wholeNumber } from '../whole-number.js';

interface VerifyOptions {
  port?: number[];
  url?: string;
  trust?: string;
  count?: number;
  duration?: number;
  json?: boolean;
}

/** Requests that `--url` makes unless told otherwise: enough for a few real servers in turn. */
const REQUESTS = 4;
/** What the last request's packets may take to be judged, in milliseconds. */
const SETTLE = 1000;

/** `toa verify`: what the wire carries, against what the program gets. */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .description("compare what the wire carries with what the server's program gets")
    .option('-p, --port <ports>', "look at connections to these ports of this host's", portList)
    .option('--url <url>', 'make requests, through the balancer to toa serve')
    .option('-t, --trust <blocks>', "the balancers' addresses; by default those the module trusts")
    .option('-c, --count <n>', 'end after so many connections', wholeNumber(1, 1_000_000))
    .option('--duration <seconds>', 'end after so many seconds', wholeNumber(1, 86_400))
    .option('--json', 'as JSON, one event a line: connection, request, summary')
    .action(async (options: VerifyOptions) => {
      process.exitCode = await verify(options);
    });
  return addManual(command, {
    details: [
      'With --port, on a real server: each new connection is followed on the wire, and looked up in what the kernel module has recorded. Where there is no module, it says what a program could know. With --url, on a client: the server tells whom it sees. With both, on the real server, for as long as the requests take.',
      'Exits with 1 if a connection lost its address, or there was none; with 3 if nothing could be known. Needs root for --port.',
    ],
    examples: [
      'sudo toa verify --port 80',
      'sudo toa verify --port 80,443 --trust 10.0.0.0/24 --duration 60 --json',
      'toa verify --url http://203.0.113.80/   # toa serve is behind it',
    ],
  });
}

async function verify(options: VerifyOptions): Promise<number> {
  const { port, url, trust, count, duration, json } = options;
  checkOptions(options);
  using interruption = new Interruption();
  const done = new AbortController();
  interruption.signal.addEventListener('abort', () => done.abort());
  const limit = duration === undefined ? undefined : setTimeout(() => done.abort(), 1000 * duration);
  const tally = new Tally();
  const take = ({ verdict }: { verdict: Verdict }, line: string, fields: object) => {
    if (done.signal.aborted && count !== undefined) return;
    tally.add(verdict);
    if (json) printJson('verify/1', fields);
    else print(line);
    if (url === undefined && tally.total === count) done.abort();
  };
  const live =
    port &&
    new LiveVerification({
      ports: port,
      ...(trust !== undefined && { trust }),
      onConnection: (each) => take(each, connectionLine(each), connectionJson(each)),
    });
  if (live) say(`verifying connections to port ${port.join(', ')}; Ctrl-C ends it`);
  try {
    if (url === undefined) await aborted(done.signal);
    else
      await request(url, count ?? REQUESTS, done.signal, (each) =>
        take(each, requestLine(each), requestJson(each)),
      );
    if (live && url !== undefined && !done.signal.aborted) await sleep(SETTLE);
  } finally {
    clearTimeout(limit);
    live?.close();
  }
  if (json) printJson('verify/1', { event: 'summary', ...tally.json(), dropped: live?.dropped ?? null });
  else print(`\n${tally.text()}`);
  if (live && live.dropped > 0)
    say(`toa: the kernel dropped ${live.dropped} packets: some connections were not judged`);
  return statusOf(tally, interruption);
}

/** @throws ToaError ERR_TOA_USAGE */
function checkOptions({ port, url }: VerifyOptions): void {
  if (port === undefined && url === undefined) {
    throw new ToaError('ERR_TOA_USAGE', 'given neither --port nor --url, wanted one of them, or both');
  }
  if (url === undefined || /^http:$/.test(protocolOf(url))) return;
  throw new ToaError('ERR_TOA_USAGE', `url: given "${url}", wanted http://HOST/, as toa serve has it`);
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

async function request(
  url: string,
  count: number,
  end: AbortSignal,
  take: (request: VerifiedRequest) => void,
): Promise<void> {
  for (let made = 0; made < count && !end.aborted; made++) {
    const requested = await verifyRequest(url, end);
    if (!end.aborted) take(requested);
  }
}

/** A failure counts more than Ctrl-C; where nothing is known, all is not well. */
function statusOf(tally: Tally, interruption: Interruption): number {
  if (tally.count(...failures) > 0) return exitStatus.failed;
  if (interruption.status === exitStatus.interrupted) return exitStatus.interrupted;
  if (tally.total === 0) return exitStatus.failed;
  return tally.count('unknown') === tally.total ? exitStatus.unsupported : exitStatus.ok;
}
