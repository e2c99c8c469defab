import type { System } from '../module/system.js';

/** A counter of TcpExt in /proc/net/netstat, since the network namespace began; undefined where this kernel has none. */
export function tcpCounter(system: System, name: string): number | undefined {
  // A line of names, and one of numbers.
  const lines = [...(system.read('/proc/net/netstat') ?? '').matchAll(/^TcpExt: (.*)$/gm)];
  const [names, numbers] = lines.map(([, words]) => words!.split(' '));
  const value = numbers?.[names?.indexOf(name) ?? -1];
  return value === undefined ? undefined : Number(value);
}
