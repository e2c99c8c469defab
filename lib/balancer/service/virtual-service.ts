import { formatById } from '../../toa/registry.js';
import type { ResolvedService } from '../config/model.js';
import { FIXED_TIMEOUTS, TCP_STATES } from '../connection/tcp-state.js';
import { ticksOf } from '../connection/timer-wheel.js';
import type { ToaSetting } from '../forwarding/toa.js';
import { randomStream } from '../random-stream.js';
import { wordsOf } from '../routes.js';
import { LocalAddresses } from './local-addresses.js';
import { RealServer } from './real-server.js';
import { SCHEDULERS } from './schedulers/index.js';
import type { Scheduler } from './schedulers/scheduler.js';

/** One address and port that clients connect to, and everything that decides where their connections go. */
export class VirtualService {
  readonly index: number;
  readonly name: string;
  /** The VIP, four words. */
  readonly address: Int32Array;
  readonly port: number;
  readonly scheduler: Scheduler;
  readonly realServers: readonly RealServer[];
  /** The first of its real servers' positions in the balancer's list. */
  readonly firstServer: number;
  readonly localAddresses: LocalAddresses;
  readonly toa: ToaSetting;
  /** Ticks that a connection lives after its last packet, by state. */
  readonly timeouts: Int32Array;

  /** @param random 32 bits: where the local ports begin, and the seed of what the scheduler draws */
  constructor(config: ResolvedService, index: number, firstServer: number, random: number) {
    this.index = index;
    this.name = config.name;
    this.address = wordsOf(config.address);
    this.port = config.port;
    this.realServers = config.realServers.map((server, i) => new RealServer(firstServer + i, server));
    this.scheduler = new SCHEDULERS[config.scheduler]({
      profile: 'kernel',
      withPort: false,
      fallback: false,
      random: randomStream(random),
    });
    this.scheduler.update(this.realServers);
    this.firstServer = firstServer;
    this.localAddresses = new LocalAddresses(
      config.localAddresses.map(wordsOf),
      config.localPorts[0],
      config.localPorts[1],
      config.realServers.length,
      random,
    );
    this.toa = {
      onSyn: config.toa.on.includes('syn'),
      onAck: config.toa.on.includes('ack'),
      format: formatById(config.toa.format),
      cascade: config.toa.cascade,
      prune: config.toa.prune,
    };
    const seconds = { ...FIXED_TIMEOUTS, ...config.timeouts };
    this.timeouts = Int32Array.from(TCP_STATES, (state) => ticksOf(seconds[state]));
  }
}
