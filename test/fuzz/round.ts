import assert from 'node:assert/strict';
import type { Balancer } from '../../lib/balancer/index.js';
import { Random } from '../support/random.js';
import { ARENAS, Arena } from './arena.js';
import { LARGEST, Mutator } from './mutator.js';
import { faultAsOpening } from './opening.js';
import { ExactSlot, GuardedSlot } from './slot.js';
import { assertSameOutput } from './twins.js';

export const ROUND = 50_000;

/**
 * Mutated frames for two balancers that are alike and must do alike. One is given each frame in a buffer that ends where
 * the frame does, the other between guard bytes: what is read outside is an error in the one or makes them differ.
 */
export class Round {
  readonly mutator: Mutator;
  readonly arena: Arena;
  /** How many frames were tried, the one under way included. */
  tried = 0;
  readonly #twin: Arena;
  readonly #slots = [new ExactSlot(LARGEST), new GuardedSlot(LARGEST)] as const;
  readonly #random: Random;

  constructor(seed: number, number: number) {
    const kind = ARENAS[number % ARENAS.length]!;
    this.#random = new Random(Math.imul(seed, 0x85eb_ca6b) + number);
    this.arena = new Arena(kind);
    this.#twin = new Arena(kind);
    this.mutator = new Mutator(this.arena.seeds, this.#random);
  }

  play(frames: number): void {
    const { rig } = this.arena;
    const twin = this.#twin.rig;
    while (this.tried < frames) {
      this.tried++;
      if ((this.tried & 1) === 0) this.#pass(this.#random.below(2));
      this.mutator.next();
      this.#process();
    }
    assert.deepEqual(twin.balancer.counters.snapshot(), rig.balancer.counters.snapshot());
    this.arena.assertNothingKept();
  }

  #process(): void {
    const { mutator } = this;
    const { balancer, now } = this.arena.rig;
    const other = this.#twin.rig.balancer;
    const [exact, guarded] = this.#slots;
    const before = balancer.counters.get('connections-new');
    exact.fill(mutator);
    const verdict = balancer.process(exact.frame, now);
    guarded.fill(mutator);
    const alike = other.process(guarded.frame, now);
    guarded.check();
    assert.equal(verdict, alike, 'bytes outside of the frame made a difference');
    if (verdict >= 0) assertSameOutput(exact.frame, guarded.frame);
    this.#drain(balancer, other);
    const made = balancer.counters.get('connections-new') - before;
    if (made > 0) this.#assertOpening(made);
  }

  #assertOpening(made: number): void {
    const { mutator, arena } = this;
    const { rig, ports } = arena;
    const isProxied = (port: number) => arena.isProxied(port);
    const fault = faultAsOpening(mutator.link, mutator.built(), rig.topology, ports, isProxied, rig.now);
    assert.ok(fault === undefined, `a frame opened a connection although ${fault}`);
    assert.equal(made, 1, 'a frame opens one connection');
  }

  #pass(milliseconds: number): void {
    const { rig } = this.arena;
    const quarter = Math.floor(rig.now / 250);
    rig.now += milliseconds;
    if (Math.floor(rig.now / 250) === quarter) return;
    const other = this.#twin.rig.balancer;
    for (let left = 1000, more = true; more; left--) {
      assert.ok(left > 0, 'the balancer comes to an end of what is due');
      more = rig.balancer.advance(rig.now);
      assert.equal(other.advance(rig.now), more);
      this.#drain(rig.balancer, other);
    }
  }

  #drain({ emitted }: Balancer, { emitted: alike }: Balancer): void {
    assert.ok(emitted.count === alike.count, 'as many frames are emitted');
    for (let i = 0; i < emitted.count; i++) {
      assert.ok(emitted.link(i) === alike.link(i), 'emitted on the same link');
      assertSameOutput(emitted.frame(i), alike.frame(i));
    }
    emitted.clear();
    alike.clear();
  }
}
