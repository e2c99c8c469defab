import { Command, InvalidArgumentError } from 'commander';
import type { Difference, Fault, ResolvedConfig } from '../../lib/balancer/config/index.js';
import type { TracedClient, TraceStep } from '../../lib/balancer/index.js';
import { ConfigFileError, faultyConfig, readConfigFile } from '../../lib/daemon/config-file.js';
import { type RunningBalancer, runBalancer } from '../../lib/daemon/run.js';
import { ToaError } from '../../lib/errors.js';
import { formatAddress, parseAddress, parseEndpoint } from '../../lib/net/address.js';
import { exitStatus } from '../exit-status.js';
import { Interruption } from '../interruption.js';
import { describeDifference } from '../output/difference.js';
import { addManual } from '../output/manual.js';
import { statisticsTable, toStatisticsJson } from '../output/statistics.js';
import { print, printJson, say, toJson } from '../output/streams.js';
import { table } from '../output/table.js';
import { traceEvent, traceLines } from '../output/trace.js';

interface LbRunOptions {
  config: string;
  importRoutes?: boolean;
  check?: boolean;
  trace?: TracedClient;
  json?: boolean;
}

/** `toa lb run`: the balancer as a process, in the foreground. */
export function lbRunCommand(): Command {
  const command = new Command('run')
    .description('run the balancer on network interfaces')
    .requiredOption('-c, --config <file>', 'its configuration, JSON; - is standard input')
    .option(
      '--import-routes',
      "add the kernel's routes over the same interfaces, read at the start and at each reload",
    )
    .option('--check', 'only read the configuration: exit 0 if it is sound, 2 with every fault if not')
    .option(
      '--trace <client>',
      "tell what becomes of this client's packets: an address, or address:port",
      tracedClient,
    )
    .option('--json', 'events as JSON, one a line')
    .action(async (options: LbRunOptions) => {
      process.exitCode = options.check ? check(options) : await run(options);
    });
  return addManual(command, {
    details: [
      'Every key of the configuration is in docs/configuration.md of the package, with examples: modes, schedulers, TOA, SYN proxy. Each counter is in docs/counters.md.',
      'Says "ready" on standard error when it balances. Prints its statistics by service and real server, and its counters, when it ends (SIGINT, SIGTERM), and on SIGUSR2. With --json each event is a line on standard output: {"event":"ready",...}, {"event":"statistics",...}, {"event":"counters",...}.',
      'With --trace it tells of each packet of one client, and of real servers to it, where it went and what it was counted as: the reason, if it was dropped. It tells, too, of what waits for a MAC address or for fragments, what comes of it, and when a connection ends by itself. {"event":"trace",...}.',
      'On SIGHUP it reads its configuration again, and takes over what differs while connections live on: {"event":"reloaded",...}. If anything is wrong with it, the running one stays, and every fault is named: {"event":"refused",...}. Links, profile and maxConnections cannot change.',
    ],
    examples: [
      'toa lb run -c lb.json --check',
      'sudo toa lb run -c lb.json --import-routes',
      'sudo toa lb run -c lb.json --trace 203.0.113.7',
    ],
  });
}

function tracedClient(text: string): TracedClient {
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) return endpoint;
  const address = parseAddress(text);
  if (address !== undefined) return { address: formatAddress(address.bytes, 0, address.family) };
  throw new InvalidArgumentError('wanted: an address, or 203.0.113.7:51514, [2001:db8::7]:51514');
}

function tellStep(step: TraceStep, links: readonly string[], json = false): void {
  if (json) printJson('lb-run/1', traceEvent(step, links));
  else print(traceLines(step, links));
}

function check({ config, json }: LbRunOptions): number {
  try {
    const { links, services } = readConfigFile(config);
    if (json) printJson('lb-run/1', { event: 'check', ok: true, faults: [] });
    else print(`${config}: sound, ${count(services.length, 'service')} on ${count(links.length, 'link')}`);
    return exitStatus.ok;
  } catch (error) {
    if (!json || !(error instanceof ConfigFileError)) throw error;
    printJson('lb-run/1', { event: 'check', ok: false, faults: error.faults });
    return exitStatus.usage;
  }
}

async function run(options: LbRunOptions): Promise<number> {
  const config = readConfigFile(options.config);
  using interruption = new Interruption(['SIGINT', 'SIGTERM']);
  const links = config.links.map((link) => link.interface);
  let running: RunningBalancer | undefined;
  const show = () => {
    if (running === undefined) return;
    print(statisticsLines(running, options.json));
    print(counterLines(running, options.json));
  };
  const hangUp = () => running && reload(running, options);

  process.on('SIGUSR2', show).on('SIGHUP', hangUp);
  try {
    await runBalancer(config, {
      signal: interruption.signal,
      importRoutes: options.importRoutes ?? false,
      trace: options.trace && { client: options.trace, tell: (step) => tellStep(step, links, options.json) },
      onReady: (balancer) => {
        running = balancer;
        announce(config, balancer, options.json);
      },
    });
  } finally {
    process.off('SIGUSR2', show).off('SIGHUP', hangUp);
  }
  show();
  return interruption.status;
}

function announce(config: ResolvedConfig, { shield }: RunningBalancer, json = false): void {
  const links = config.links.map((link) => link.interface);
  const services = config.services.map(({ name }) => name);
  if (json)
    printJson('lb-run/1', { event: 'ready', pid: process.pid, links, services, shield: shield ?? null });
  const shielded = shield === undefined ? 'no shield needed' : `shield: nft table netdev ${shield}`;
  say(`ready: ${count(services.length, 'service')} on ${links.join(', ')} (${shielded})`);
}

/** Takes over what the file says now. Whatever is wrong with it, the balancer runs on as it was. */
function reload(running: RunningBalancer, options: LbRunOptions): void {
  let application: ReturnType<RunningBalancer['reload']>;
  try {
    if (options.config === '-') throw new ConfigFileError('standard input was read at the start');
    application = running.reload(readConfigFile(options.config));
  } catch (error) {
    if (!(error instanceof ToaError)) throw error;
    refuse(error.message, error instanceof ConfigFileError ? error.faults : [], options.json);
    return;
  }
  if (application.faults === undefined) tellDifference(application.difference, options.json);
  else {
    const { message, faults } = faultyConfig(options.config, application.faults);
    refuse(message, faults, options.json);
  }
}

function refuse(message: string, faults: readonly Fault[], json = false): void {
  if (json) printJson('lb-run/1', { event: 'refused', message, faults });
  say(`toa: the configuration stays as it was: ${message}`);
}

function tellDifference(difference: Difference, json = false): void {
  if (json) printJson('lb-run/1', { event: 'reloaded', difference });
  const lines = describeDifference(difference);
  say(lines.length === 0 ? 'reloaded: nothing differs' : `reloaded:\n${lines.join('\n')}`);
}

function statisticsLines({ statistics }: RunningBalancer, json = false): string {
  const snapshot = statistics();
  return json
    ? toJson('lb-run/1', { event: 'statistics', ...toStatisticsJson(snapshot) })
    : statisticsTable(snapshot);
}

function counterLines({ counters }: RunningBalancer, json = false): string {
  const values = counters();
  if (json) return toJson('lb-run/1', { event: 'counters', counters: values });
  return table(
    [{ heading: 'COUNTER' }, { heading: 'VALUE', align: 'right' }],
    Object.entries(values)
      .filter(([, value]) => value > 0)
      .map(([name, value]) => [name, String(value)]),
  );
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
