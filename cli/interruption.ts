import { exitStatus } from './exit-status.js';

const statuses = {
  SIGINT: exitStatus.interrupted,
  SIGTERM: exitStatus.ok,
  SIGHUP: exitStatus.ok,
} as const;

type EndingSignal = keyof typeof statuses;

/**
 * Takes the signals that end a program, while it lives, so that work in progress can be brought to its end: `signal` is aborted.
 * A second signal ends the program at once.
 */
export class Interruption {
  readonly #abort = new AbortController();
  readonly #listener = (signal: NodeJS.Signals) => {
    if (this.signal.aborted) process.exit(this.status);
    this.#abort.abort(statuses[signal as EndingSignal]);
  };

  readonly #signals: readonly EndingSignal[];

  /** @param signals those that end it: a daemon reads its configuration again on SIGHUP */
  constructor(signals: readonly EndingSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    this.#signals = signals;
    for (const signal of signals) process.on(signal, this.#listener);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What to exit with: 130 after Ctrl-C; 0 where it was asked to end (SIGTERM), or was not at all. */
  get status(): number {
    return this.signal.aborted ? (this.signal.reason as number) : exitStatus.ok;
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) process.off(signal, this.#listener);
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
