import { formatEndpoint } from '../../lib/net/address.js';
import type { Carrier, Exchange } from '../../lib/probe/index.js';
import type { ServerReport } from './answer.js';
import type { Mark } from './marks.js';

/**
 * `recovered`: the server knows the client that was sent. `lost`: it does not. `wrong`: it knows another. `unknown`: it answered,
 * and does not tell. `no-answer`: there was no connection, or nothing came back.
 */
export interface Verdict {
  readonly verdict: 'recovered' | 'lost' | 'wrong' | 'unknown' | 'no-answer';
  readonly reason: string;
  /** What to do next. */
  readonly remedy?: string;
}

interface Probe {
  readonly mark: Mark;
  readonly on: readonly Carrier[];
  /** Where the probe came from. */
  readonly source: string;
}

/** What a probe has shown. `report` is what `toa serve` at the other end said. */
export function judge(probe: Probe, exchange: Exchange, report: ServerReport | undefined): Verdict {
  if (!exchange.opened || exchange.answer.length === 0) return noAnswer(exchange);
  if (!report) {
    return {
      verdict: 'unknown',
      reason: 'the server answered, and does not tell who it thinks its client is',
      remedy: 'run toa serve there, on another port, and probe that',
    };
  }
  if (report.reason === 'recovered') return compare(probe.mark, report);
  // A format that names the virtual service alone leaves the client unknown.
  if (report.reason === 'missing' && !probe.mark.format.client && report.vip !== null)
    return compare(probe.mark, report);
  return { verdict: 'lost', ...explanations[report.reason](probe, report) };
}

function noAnswer({ ending, opened }: Exchange): Verdict {
  const verdict = 'no-answer';
  if (opened) {
    return {
      verdict,
      reason: `the connection was ${ending}, and nothing came back`,
      remedy: 'plain TCP is probed with --raw, HTTP without; --timeout gives a slow server more time',
    };
  }
  if (ending === 'refused') {
    return { verdict, reason: 'the server refused the connection', remedy: 'start toa serve on that port' };
  }
  return {
    verdict,
    reason: 'nobody answered the SYN',
    remedy: 'look for a firewall on the way; some drop options that they do not know: try --on data',
  };
}

function compare({ record, format }: Mark, report: ServerReport): Verdict {
  const [sent, seen] = record.client ? [record.client, report.client] : [record.vip, report.vip];
  const carriesPort = (format.client ?? format.vip)?.port !== undefined;
  const same = sent?.address === seen?.address && (!carriesPort || sent?.port === seen?.port);
  const known = seen ? formatEndpoint(seen.address, seen.port) : 'nobody';
  const found = `the server knows ${record.client ? '' : 'the service '}${known}${report.via ? `, by ${sources[report.via]}` : ''}`;
  return same
    ? { verdict: 'recovered', reason: found }
    : {
        verdict: 'wrong',
        reason: found,
        remedy: 'look for a balancer on the way, which writes an option of its own',
      };
}

const sources = { module: 'the kernel module', 'saved-syn': 'the saved SYN' };

type Explanation = Omit<Verdict, 'verdict'>;
type Explain = (probe: Probe, report: ServerReport) => Explanation;

const notSeen: Explain = ({ mark, on }, { module }) => {
  const only = `the option was on ${on.join(' and ')} only`;
  if (on.includes('syn')) {
    return {
      reason: 'the server saw no option that it accepts',
      remedy: `accept the format there: toa serve --formats ${mark.format.id}, or net.toa.formats of the kernel module`,
    };
  }
  if (!module) {
    return {
      reason: `${only}, and without the kernel module the server sees the SYN alone`,
      remedy: 'load the module there (toa module load), or have the balancer mark the SYN',
    };
  }
  return on.includes('ack')
    ? {
        reason: `${only}, and the kernel module of the server did not take it`,
        remedy: `look there at net.toa.trusted and net.toa.formats (${mark.format.id}): toa module status`,
      }
    : {
        reason: `${only}, which came when the handshake was over`,
        remedy: 'have the balancer mark the ACK that ends the handshake, or the SYN',
      };
};

const notTrusted: Explain = ({ source }) => ({
  reason: `the server does not trust ${source}`,
  remedy: 'trust it there: --trust of toa serve, net.toa.trusted of the kernel module',
});

const explanations: Readonly<Record<Exclude<ServerReport['reason'], 'recovered'>, Explain>> = {
  missing: notSeen,
  direct: notTrusted,
  untrusted: notTrusted,
  noSyn: () => ({
    reason: 'the server keeps no SYN: it answers with SYN cookies, or has begun to listen a moment ago',
    remedy: 'try again; where it goes on, load the kernel module there, which has no such limit',
  }),
  malformed: () => ({
    reason: 'the server has refused the option: no client can have the address in it',
    remedy: 'name others with --client and --vip, such as 203.0.113.7:4567 and 203.0.113.80:80',
  }),
};
