import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { TestContext } from 'node:test';
import { namespaceSupport } from '../../cli/namespaces/support.js';

/**
 * Whether the test can have network namespaces. Where it cannot, it is skipped and says why; with TOA_REQUIRE=namespaces it
 * fails. To be used as `if (!requireNamespaces(t)) return;`.
 */
export function requireNamespaces(t: TestContext): boolean {
  const support = namespaceSupport();
  if (support.supported) return true;
  const reason = `network namespaces are not permitted: ${support.reason} (${support.hint})`;
  skipOrFail(t, 'namespaces', reason);
  return false;
}

/**
 * Whether a program is installed. Where it is not, the test is skipped and says so; with TOA_REQUIRE=PROGRAM it fails.
 * To be used as `if (!requireProgram(t, 'tshark')) return;`.
 */
export function requireProgram(t: TestContext, name: string): boolean {
  if (spawnSync('sh', ['-c', `command -v ${name}`]).status === 0) return true;
  skipOrFail(t, name, `the program ${name} is not installed`);
  return false;
}

/**
 * Whether there is a compiler. Where there is none, the test is skipped and says so; with TOA_REQUIRE=compilers it fails.
 * To be used as `if (!requireCompiler(t, 'g++')) return;`.
 */
export function requireCompiler(t: TestContext, name: string): boolean {
  if (spawnSync(name, ['--version']).error === undefined) return true;
  skipOrFail(t, 'compilers', `there is no ${name} here`);
  return false;
}

const TUN = '/dev/net/tun';

/**
 * Whether TUN and TAP devices can be made. Where they cannot, the test is skipped and says so; with TOA_REQUIRE=tun it
 * fails. To be used as `if (!requireTun(t)) return;`.
 */
export function requireTun(t: TestContext): boolean {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    skipOrFail(t, 'tun', `${TUN} is not there, or not for this user`);
    return false;
  }
}

/** Skips a test that cannot have what it needs, with the reason; fails it where TOA_REQUIRE names that need. */
export function skipOrFail(t: TestContext, need: string, reason: string): void {
  const required = (process.env.TOA_REQUIRE ?? '').split(',');
  if (required.includes(need)) throw new Error(`TOA_REQUIRE=${need}, but ${reason}`);
  t.skip(reason);
}
