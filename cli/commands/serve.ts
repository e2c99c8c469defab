import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { Command } from 'commander';
import kleur from 'kleur';
import { ToaError } from '../../lib/errors.js';
import { type ReceiverStats, support } from '../../lib/index.js';
import { type Endpoint, formatEndpoint } from '../../lib/net/address.js';
import { formatNames } from '../capture/formats.js';
import { aborted, Interruption } from '../interruption.js';
import { addManual } from '../output/manual.js';
import { print, printJson, say } from '../output/streams.js';
import type { ConnectionReport } from '../serve/report.js';
import { createReportingServer } from '../serve/server.js';
import { wholeNumber } from '../whole-number.js';

interface ServeOptions {
  trust: string;
  port: number;
  host?: string;
  formats: string;
  raw?: boolean;
  json?: boolean;
}

/** `toa serve`: a server that tells each client who it is, and how it knows. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('a small server that tells each client who it is, and how it knows')
    .requiredOption(
      '--trust <cidrs>',
      "the balancers' addresses: CIDR blocks with commas between, or private",
    )
    .option(
      '-p, --port <number>',
      'the port to listen on; 0 is any that is free',
      wholeNumber(0, 65_535),
      8080,
    )
    .option('--host <address>', 'the address to listen on; without it all, IPv4 and IPv6')
    .option('--formats <names>', 'forms of the option: names (toa formats), default or all', 'default')
    .option('--raw', 'plain TCP: a line of JSON for each connection, instead of HTTP')
    .option('--json', 'connections as JSON, one a line')
    .action(async (options: ServeOptions) => {
      process.exitCode = await serve(options);
    });
  return addManual(command, {
    details: [
      'It answers any HTTP request with one JSON object, and prints a line for each connection. It uses the kernel module where that is loaded, else the SYN that the listener keeps.',
      'Ends with 130 on Ctrl-C, with 0 on SIGTERM.',
    ],
    examples: [
      'toa serve --trust 10.0.0.0/24',
      'toa serve --trust private --port 0 --json',
      'toa serve --trust 10.0.0.0/24 --raw',
    ],
  });
}

async function serve({
  trust,
  port,
  host,
  formats,
  raw = false,
  json = false,
}: ServeOptions): Promise<number> {
  const supported = support();
  if (!supported.supported) {
    // attach() does not mind where the operator has switched it off: here nothing would be left to do.
    throw new ToaError('ERR_TOA_UNSUPPORTED', supported.reason, { hint: supported.hint });
  }
  using interruption = new Interruption();
  const show = json ? (report: ConnectionReport) => printJson('serve/1', report) : showConnection;
  const { server, attachment } = createReportingServer(raw, { trust, formats: formatNames(formats) }, show);
  server.listen(host === undefined ? { port } : { port, host });
  await once(server, 'listening').catch(explainListening);
  announce(server, json);
  await aborted(interruption.signal);
  close(server);
  summarize(attachment.stats(), json);
  return interruption.status;
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'ss -ltnp shows who listens there; --port takes another',
  EADDRNOTAVAIL: 'ip address shows the addresses that this host has',
  ENOTFOUND: 'give an address of this host',
};

/** @throws ToaError ERR_TOA_LISTEN with what to do, or the error as it is where nothing better is known */
function explainListening(error: NodeJS.ErrnoException): never {
  const hint = remedies[error.code ?? ''];
  throw hint === undefined ? error : new ToaError('ERR_TOA_LISTEN', error.message, { hint, cause: error });
}

function announce(server: Server, json: boolean): void {
  const { address, port } = server.address() as AddressInfo;
  if (json) printJson('serve/1', { event: 'listening', address, port, pid: process.pid });
  say(`listening on ${formatEndpoint(address, port)}`);
}

function showConnection({ time, reason, via, ...ends }: ConnectionReport): void {
  const [client, peer, claimed] = [ends.client, ends.peer, ends.claimed].map(endpointText);
  const words: Record<ConnectionReport['reason'], string> = {
    recovered: kleur.green(`${client} via ${via}, balancer ${peer}`),
    missing: kleur.red(`unknown: trusted ${peer} wrote no option that is seen here`),
    noSyn: kleur.red(`unknown: no SYN was kept of ${peer}, SYN cookies are in play`),
    malformed: kleur.red(`unknown: trusted ${peer} wrote an option that names no possible client`),
    untrusted: kleur.red(`${peer}, which is not trusted and claims to bring ${claimed}`),
    direct: `${peer}, which is not trusted and came without an option`,
  };
  print(`${time}  ${words[reason]}`);
}

function close(server: Server): void {
  server.close();
  if ('closeAllConnections' in server)
    (server as Server & { closeAllConnections(): void }).closeAllConnections();
}

function summarize(stats: ReceiverStats, json: boolean): void {
  if (json) printJson('serve/1', { event: 'summary', connections: stats });
  const counted = Object.entries(stats).filter(([, value]) => value > 0);
  say(`ended: ${counted.map(([name, value]) => `${value} ${name}`).join(', ') || 'no connections'}`);
}

const endpointText = (endpoint: Endpoint | null) =>
  endpoint ? formatEndpoint(endpoint.address, endpoint.port) : 'nobody';
