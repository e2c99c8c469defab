import type { System } from '../module/system.js';

/** `unknown`: it cannot be found out here, and the finding says why. */
export type State = 'ok' | 'warning' | 'failure' | 'unknown';

/** What a check found out. All but what is ok has a remedy: one line, what to do. */
export type Finding =
  | { readonly state: 'ok'; readonly finding: string }
  | { readonly state: Exclude<State, 'ok'>; readonly finding: string; readonly remedy: string };

/** What is looked at. */
export interface Subject {
  /** Every file is read below its root. */
  readonly system: System;
  /** The kernel, by its release. */
  readonly kernel: string;
  /** Ports that the balancer sends to; where none are named, all that are listened to. */
  readonly ports: readonly number[];
}

export interface Check {
  readonly name: string;
  run(subject: Subject): Finding | Promise<Finding>;
}

export const ok = (finding: string): Finding => ({ state: 'ok', finding });
export const warning = (finding: string, remedy: string): Finding => ({ state: 'warning', finding, remedy });
export const failure = (finding: string, remedy: string): Finding => ({ state: 'failure', finding, remedy });
export const unknown = (finding: string, remedy: string): Finding => ({ state: 'unknown', finding, remedy });
