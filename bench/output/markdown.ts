import type { Results } from '../results.js';
import { circumstances, sections } from './sections.js';
import { markdownTable } from './table.js';

/** The results as their machine's part of the file that is committed. */
export function toMarkdown(results: Results): string {
  const [machine, ...rest] = circumstances(results);
  const lines = rest.map((line) => `* ${line}\n`).join('');
  const tables = sections(results).map(({ title, rows }) => `### ${title}\n\n${markdownTable(rows)}\n`);
  return `## ${machine}\n\n${lines}\n${tables.join('\n')}`;
}

/** What stands before the parts of all machines: how to get figures, and what they are. */
export const preamble = `# Figures

Written by \`npm run bench -- --write\`, a part for each machine; do not edit. \`npm run bench\` prints the same, \`npm run bench -- --json\` for machines,
\`npm run bench -- core\` (or \`balancer\`, \`receiver\`, \`watch\`, \`syn-proxy\`) one suite alone. It needs what \`npm test\` needs, and haproxy, wrk and iperf3.
What the kernel module costs stands at the end, and is written by \`npm run test:vm -- --cost --write\`.

## How it is measured

* Balancer: every peer in every round gets fresh namespaces, client – balancer – server over veth with its offloads on, and the
  same code sets up, measures and tears down. Peers take turns within a round, so drift hits them alike. The kernel places
  all processes; only for latency wrk and the responder are kept on different cores, as on two machines. Each load runs for a second before it counts,
  new connections for eight: by then they end as fast as they begin.
* connections/s: wrk, two threads (its default), 64 at a time, \`Connection: close\`; HAProxy answers as the server, in two threads.
  The kernel's forwarding runs on the core of whoever sends; a balancer in user space is one more process that wants a core.
* Gbit/s: iperf3, one stream from the client, payload received.
* 64-byte packets/s: segments of one established connection, sent over a packet socket as fast as one core can, counted on
  the server's interface and dropped there. The kernel forwards them on the sender's core; a balancer in user space takes them from there. A proxy that ends connections cannot take part.
* p50, p99: wrk, one request at a time on one connection. The last load: while connections by the thousand expire for the first
  time, V8 compiles what ends them, and on two processors that shows in toakit's p99.
* ceiling: the packet I/O of toakit with frames handed from link to link, only MAC addresses rewritten.
* forwarder: the same in C, with recvmmsg and sendmmsg (bench/balancer/forwarder.c).
* Core: known connections in random order, both directions, 60-byte frames (80 with IPv6), put in place in batches of 64 outside the time; the median batch counts. Each case has a
  process of its own in each round; "both in one process" shows what a balancer of both families pays for the compiler's more general code. The heap: the least growth of
  three millions of packets in a row, as one that leaves something does so each time, and the compiler once.
* A connection in a table: of FULLNAT over IPv4, with two entries in the index and a local port; each is opened by a SYN, found by the same SYN again in an order that no cache knows, and expires half open.
  Memory: all that the process grows by, with what every balancer takes.
* Receiver: wrk, one thread, 64 at a time, \`Connection: close\`, on loopback: SYNs are kept and read, and have no option.
* SYN proxy: SYNs as Linux sends them and ACKs with random numbers, from 131,072 addresses (IPv6: 2^32) and all ports from 1024 on, in random order, measured as the core.
  Random ACKs are the same in every run; one in 1.8 million is expected to pass, see targets.
* SYN flood: the same segments over a packet socket. SYN-ACKs/s: SYNs only, as fast as one core can send them; answers are counted and dropped on the client's interface. A balancer in user space has
  another core; the kernel answers on the sender's. What toakit leaves unanswered the kernel drops, as the packet socket's buffer is full. p99: 50 clients in Node, an HTTP request on a new connection each, a tenth of a second after
  the last one; failed: not done after ten seconds. SYNs and ACKs take turns, the paced flood is the same for all: half of toakit's SYN-ACKs/s in that round. nftables: \`synproxy\` on a router. listener: no proxy, the server answers with
  SYN cookies (tcp_syncookies=2), behind a router. Dropped by the kernel: what the interfaces on the way count as dropped, with full backlogs, and of toakit the packet sockets too, by the segments of the flood.
`;
