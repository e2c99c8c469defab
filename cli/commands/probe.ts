import { Command } from 'commander';
import kleur from 'kleur';
import { ResetGuard } from '../../lib/daemon/reset-guard.js';
import { ToaError } from '../../lib/errors.js';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../lib/net/address.js';
import { type Carrier, type Exchange, exchange, RawLine } from '../../lib/probe/index.js';
import { exitStatus } from '../exit-status.js';
import { Interruption } from '../interruption.js';
import { version } from '../manifest.js';
import { fields } from '../output/fields.js';
import { addManual } from '../output/manual.js';
import { print, printJson } from '../output/streams.js';
import { type Answer, readAnswer, type ServerReport, serverReport } from '../probe/answer.js';
import { findDestination, refuseStrangers } from '../probe/destination.js';
import { carrierList, type Mark, markFor } from '../probe/marks.js';
import { judge, type Verdict } from '../probe/verdict.js';
import { wholeNumber } from '../whole-number.js';

interface ProbeOptions {
  client: string;
  format?: string;
  on: Carrier[];
  vip?: string;
  loseAck: boolean;
  raw: boolean;
  path: string;
  timeout: number;
  yesIOwnThisServer?: boolean;
  json?: boolean;
}

/** `toa probe`: plays the balancer, without one. */
export function probeCommand(): Command {
  const command = new Command('probe')
    .description('play the balancer: one connection with the option, and what comes back')
    .argument('<destination>', 'the server: HOST:PORT')
    .requiredOption('--client <endpoint>', 'the client that the option names: 203.0.113.7:4567')
    .option('--format <name>', 'the form of the option (toa formats); by default kind 254')
    .option('--on <segments>', 'what carries it: syn, ack, data, with commas between', carrierList, [
      'syn',
      'ack',
      'data',
    ])
    .option('--vip <endpoint>', 'the virtual service, for forms that name it; by default the server')
    .option('--lose-ack', 'the ACK of the handshake gets lost: the request ends it', false)
    .option('--raw', 'plain TCP instead of HTTP: for toa serve --raw', false)
    .option('--path <path>', 'what to GET', '/')
    .option('--timeout <seconds>', 'for all of it', wholeNumber(1, 3600), 5)
    .option('--yes-i-own-this-server', 'to a public address as well')
    .option('--json', 'as one JSON object')
    .action(async (destination: string, options: ProbeOptions) => {
      process.exitCode = await probe(destination, options);
    });
  return addManual(command, {
    details: [
      'With toa serve at the other end it says whether that server recovers addresses: exit 0 if it does, 1 if not. Of other servers it shows the answer.',
      "ack is the ACK that ends the handshake, data the request. The connection is made past the kernel's own TCP, from an address of this host; nftables keep the kernel from resetting it. Needs root.",
    ],
    examples: [
      'toa probe 10.0.0.2:8080 --client 203.0.113.7:4567',
      'toa probe [fd00::2]:8080 --client [2001:db8::7]:4567 --on ack',
      'toa probe localhost:8080 --client 203.0.113.7:4567 --format cdn-28-v4',
    ],
  });
}

async function probe(text: string, options: ProbeOptions): Promise<number> {
  const client = endpointOption('client', options.client);
  const destination = await findDestination(text);
  const vip = options.vip === undefined ? destination : endpointOption('vip', options.vip);
  const mark = markFor(client, vip, options.format);
  if (!options.yesIOwnThisServer) refuseStrangers(destination);

  using interruption = new Interruption();
  const { source, result } = await connect(destination, mark, text, options, interruption.signal);
  if (interruption.signal.aborted) return exitStatus.interrupted;
  const answer = readAnswer(result.answer);
  const report = serverReport(answer);
  const verdict = judge({ mark, on: options.on, source: source.address }, result, report);
  const outcome = { source, destination, mark, on: options.on, result, answer, report, verdict };
  if (options.json) printJson('probe/1', asJson(outcome));
  else print(asText(outcome));
  return failures.includes(verdict.verdict) ? exitStatus.failed : exitStatus.ok;
}

const failures: readonly Verdict['verdict'][] = ['lost', 'wrong', 'no-answer'];

function endpointOption(name: string, text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint) return endpoint;
  throw new ToaError(
    'ERR_TOA_USAGE',
    `${name}: given "${text}", wanted 203.0.113.7:4567 or [2001:db8::7]:4567`,
  );
}

async function connect(
  destination: Endpoint,
  mark: Mark,
  host: string,
  { on, raw, path, loseAck, timeout }: ProbeOptions,
  signal: AbortSignal,
): Promise<{ source: Endpoint; result: Exchange }> {
  using line = new RawLine(destination);
  using _guard = new ResetGuard(line.source, destination);
  const http = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: toa/${version}\r\nConnection: close\r\n\r\n`;
  const result = await exchange(line, {
    request: Buffer.from(raw ? '\n' : http),
    marks: Object.fromEntries(on.map((carrier) => [carrier, mark.bytes])),
    losesAck: loseAck,
    timeout: 1000 * timeout,
    signal,
  });
  return { source: line.source, result };
}

interface Outcome {
  source: Endpoint;
  destination: Endpoint;
  mark: Mark;
  on: readonly Carrier[];
  result: Exchange;
  answer: Answer;
  report: ServerReport | undefined;
  verdict: Verdict;
}

const endpointText = ({ address, port }: Endpoint) => formatEndpoint(address, port);

function asJson({ source, destination, mark, on, result, answer, report, verdict }: Outcome): object {
  const { client, vip } = mark.record;
  return {
    source,
    destination,
    client: client ?? null,
    vip: vip ?? null,
    format: mark.format.id,
    on,
    connected: result.opened,
    ending: result.ending,
    counts: result.counts,
    answer,
    server: report ?? null,
    ...{ remedy: null, ...verdict },
  };
}

function asText({ source, destination, mark, on, result, answer, report, verdict }: Outcome): string {
  const { client, vip } = mark.record;
  const names = [client && `client ${endpointText(client)}`, vip && `service ${endpointText(vip)}`];
  const paint = failures.includes(verdict.verdict)
    ? kleur.red
    : verdict.verdict === 'recovered'
      ? kleur.green
      : kleur.yellow;
  const shown = fields([
    ['connection', `${endpointText(source)} to ${endpointText(destination)}: ${result.ending}`],
    ['option', `${mark.format.id} on ${on.join(', ')}: ${names.filter(Boolean).join(', ')}`],
    ['answer', answer.bytes === 0 ? undefined : `${answer.firstLine} (${answer.bytes} bytes)`],
    ['verdict', `${paint(verdict.verdict)}: ${verdict.reason}`],
    ['remedy', verdict.remedy],
  ]);
  return report || answer.bytes === 0 ? shown : `${shown}\n\n${answer.text.trimEnd()}`;
}
