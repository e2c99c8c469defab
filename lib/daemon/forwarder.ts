import { type Application, type Balancer, Frame, type ResolvedConfig } from '../balancer/index.js';
import type { Arena, Link } from '../link/index.js';

/** How often the balancer's clock moves when nothing else happens, in milliseconds. */
const ADVANCE_INTERVAL = 250;

/** Batches taken in a row, from all links together, before the event loop gets its turn. */
const ROUNDS = 16;

/**
 * Frames for which a slice of expiry is due, of a few dozen connections: each could open one, which is looked at twice at
 * most, so that expiry keeps up with any flood.
 */
const FRAMES_PER_SLICE = 32;

/** Slices in a row for each link: as many as the frames call for that it can bring in a turn of the event loop. */
const SLICES = (ROUNDS * 64) / FRAMES_PER_SLICE;

type Entrance = Pick<Balancer, 'process' | 'advance'>;

/**
 * The loop that joins a balancer to its links: what is readable is received in a batch, processed frame by frame and
 * sent in batches. Nothing waits for a batch to fill.
 */
export class Forwarder {
  readonly #balancer: Balancer;
  /** The balancer, or who looks at what goes into it. */
  readonly #entrance: Entrance;
  readonly #links: readonly Link[];
  readonly #frame: Frame;
  readonly #now: () => number;
  /** Times that all links are asked in a row. */
  readonly #rounds: number;
  /** Frames since the last slice of expiry. */
  #came = 0;
  /** By link: whether it was up when last looked at. */
  readonly #up: boolean[];
  #timer: NodeJS.Timeout | undefined;
  /** What is left to do of the last advance. */
  #rest: NodeJS.Immediate | undefined;

  /**
   * @param links in the order of the balancer's configuration, all on `arena`
   * @param tracer stands in front of the balancer, if somebody wants to know what happens to a client
   * @param now a monotonic clock in milliseconds
   */
  constructor(
    balancer: Balancer,
    links: readonly Link[],
    arena: Arena,
    tracer?: Entrance,
    now: () => number = () => performance.now(),
  ) {
    this.#balancer = balancer;
    this.#entrance = tracer ?? balancer;
    this.#links = links;
    this.#frame = new Frame(arena.bytes);
    this.#up = links.map((link) => link.isUp());
    this.#now = now;
    this.#rounds = Math.max(1, Math.floor(ROUNDS / links.length));
  }

  /** Announces the balancer's addresses and begins to forward. */
  start(): void {
    this.#balancer.start(this.#now());
    this.#sendEmitted();
    this.#flush();
    for (const link of this.#links) link.start(() => this.#onReadable());
    this.#timer = setInterval(() => {
      this.#lookAtLinks();
      this.#advance();
    }, ADVANCE_INTERVAL);
  }

  /** Has the balancer take over another configuration, and tells the neighbors. */
  apply(config: ResolvedConfig): Application {
    const application = this.#balancer.apply(config, this.#now());
    this.#sendEmitted();
    this.#flush();
    return application;
  }

  /** Stops the clock. The links are the caller's to close. */
  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#rest);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** What came on one link is followed by its answer on the other: they are all asked until nothing is left. */
  #onReadable(): void {
    const links = this.#links;
    for (let round = 0, came = 1; came > 0 && round < this.#rounds; round++) {
      came = 0;
      for (let index = 0; index < links.length; index++) {
        const link = links[index]!;
        const count = link.receive();
        if (count === 0) continue;
        this.#processBatch(link, index, count);
        link.release();
        came += count;
      }
    }
  }

  #processBatch(link: Link, index: number, count: number): void {
    const entrance = this.#entrance;
    const { emitted } = this.#balancer;
    const links = this.#links;
    const frame = this.#frame;
    const { received } = link;
    const now = this.#now();
    this.#came += count;
    for (let i = 0; i < count; i++) {
      frame.at(received[2 * i]!, received[2 * i + 1]!, index);
      const verdict = entrance.process(frame, now);
      // First what goes ahead of the frame: the first half of one that was split.
      if (emitted.count > 0) this.#sendEmitted();
      if (verdict >= 0) links[verdict]!.queue(frame.start, frame.length);
    }
    this.#flush();
  }

  /** A link that comes up may have new neighbors: they are told again what is here. */
  #lookAtLinks(): void {
    for (const [index, link] of this.#links.entries()) {
      link.tend();
      const up = link.isUp();
      if (up && !this.#up[index]) this.#balancer.linkUp(index, this.#now());
      this.#up[index] = up;
    }
  }

  /** Thousands of connections may expire at once: packets that wait get their turn in between. */
  #advance(): void {
    clearImmediate(this.#rest);
    const due = 1 + Math.floor(this.#came / FRAMES_PER_SLICE);
    let more = true;
    for (let slices = Math.min(due, SLICES * this.#links.length); more && slices > 0; slices--) {
      more = this.#entrance.advance(this.#now());
      this.#sendEmitted();
      this.#flush();
    }
    this.#came = 0;
    this.#rest = more ? setImmediate(() => this.#advance()) : undefined;
  }

  #sendEmitted(): void {
    const { emitted } = this.#balancer;
    for (let i = 0; i < emitted.count; i++) {
      const frame = emitted.frame(i);
      this.#links[emitted.link(i)]!.queueCopy(frame.bytes, frame.start, frame.length);
    }
    emitted.clear();
  }

  #flush(): void {
    for (let i = 0; i < this.#links.length; i++) this.#links[i]!.flush();
  }
}
