import { Command } from 'commander';
import { DEFAULT_MAX_CONNECTIONS } from '../../lib/capture/index.js';
import { addManual } from '../output/manual.js';
import { blockList, portList, type WatchOptions } from '../watch/plan.js';
import { Watch } from '../watch/watch.js';
import { wholeNumber } from '../whole-number.js';

/** `toa watch`: does the option arrive, on this traffic? */
export function watchCommand(): Command {
  const command = new Command('watch')
    .description('show who the clients of live connections are, and what is odd')
    .argument('[interface]', 'where to look; all interfaces without it')
    .option('-p, --port <ports>', "only these ports of the server's, such as 80,443", portList)
    .option('-f, --filter <blocks>', 'only connections with an end in these CIDR blocks', blockList)
    .option('-t, --trust <blocks>', "the balancers' addresses, CIDR blocks or `private`")
    .option('--formats <names>', 'default, all, or names out of toa formats', 'all')
    .option('--odd', 'show only connections that something is odd about')
    .option('-r, --read <file>', 'read a pcap or pcapng file instead; - is standard input')
    .option('-w, --write <file>', 'save the packets as pcapng, with comments')
    .option('-c, --count <n>', 'end after so many lines', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--duration <seconds>', 'end after so many seconds', wholeNumber(1, 86_400))
    .option(
      '--max-connections <n>',
      'follow so many at once',
      wholeNumber(1, 1_000_000),
      DEFAULT_MAX_CONNECTIONS,
    )
    .option('--json', 'as JSON, one event a line: connection, loss, summary')
    .action(async (name: string | undefined, options: WatchOptions) => {
      process.exitCode = await new Watch(options).run(name);
    });
  return addManual(command, {
    details: [
      "Follows each connection from its SYN to the client's first data, passively, and prints a line for it: who opened it, the server's port, the client that the option names, and the segments that carried it.",
      "What can be odd: no-toa; malformed; duplicate, a format twice in a segment; several-formats; forged, which is a client named by a peer that is not trusted, or two different ones; only-on-data; port-like-exid, a port that reads like another experiment's number (RFC 6994).",
      'Ends with a summary, on Ctrl-C too. When there are more connections than --max-connections, the oldest are judged early; the summary counts those.',
      'Needs CAP_NET_RAW, but for -r.',
    ],
    examples: [
      'sudo toa watch',
      'sudo toa watch eth0 --port 80,443 --trust 10.0.0.0/24',
      'sudo toa watch eth0 --odd -w odd.pcapng',
      'toa watch -r capture.pcap --json',
    ],
  });
}
