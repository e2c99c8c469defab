import os from 'node:os';
import { runCommand } from '../../lib/daemon/command.js';

/** What the figures were taken on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
  /** Versions of the programs used, by name. */
  tools: Record<string, string>;
}

const tools: Record<string, { arguments: string[]; version: RegExp }> = {
  nft: { arguments: ['--version'], version: /v([\d.]+)/ },
  haproxy: { arguments: ['-v'], version: /version (\S+)/ },
  iperf3: { arguments: ['--version'], version: /iperf (\S+)/ },
};

/** Describes this machine; a program that is not installed is left out. */
export function describeMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.machine()}`,
    node: process.version,
    tools: Object.fromEntries(Object.keys(tools).flatMap((name) => toolVersion(name))),
  };
}

function toolVersion(name: string): [string, string][] {
  const tool = tools[name]!;
  try {
    const version = tool.version.exec(runCommand(name, tool.arguments))?.[1];
    return version === undefined ? [] : [[name, version]];
  } catch {
    return [];
  }
}
