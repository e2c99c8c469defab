import { release } from 'node:os';
import { Command, Option } from 'commander';
import kleur from 'kleur';
import { ToaError } from '../../lib/errors.js';
import type { State } from '../doctor/check.js';
import { checks } from '../doctor/checks/index.js';
import { type Diagnosis, diagnose } from '../doctor/diagnose.js';
import { exitStatus } from '../exit-status.js';
import { System } from '../module/system.js';
import { addManual } from '../output/manual.js';
import { print, printJson } from '../output/streams.js';
import { table } from '../output/table.js';
import { wholeNumber } from '../whole-number.js';

interface DoctorOptions {
  port: number[];
  root: string;
  kernel: string;
  json?: boolean;
}

/** `toa doctor`: all that can keep a server from knowing its clients, looked at one by one. */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('look for what keeps servers here from knowing their clients')
    .addOption(
      new Option('-p, --port <ports>', 'look only at listeners on these ports, such as 80,443')
        .argParser(addPorts)
        .default([], 'all ports'),
    )
    .option('--root <dir>', "the system whose root folder is there: a container's host", '/')
    .addOption(new Option('-k, --kernel <version>', 'its kernel').default(release(), 'the one that runs'))
    .option('--json', 'as one JSON object: { ok, checks: [...] }')
    .action(async (options: DoctorOptions) => {
      process.exitCode = await doctor(options);
    });
  return addManual(command, {
    details: [
      'Every check is ok, a warning, a failure or unknown, where nothing here can tell; all but ok come with a remedy. Exit 1 if there is a failure. It only looks: nothing is changed, and nothing is sent.',
      "Root sees more, such as other users' sockets.",
    ],
    examples: ['sudo toa doctor', 'sudo toa doctor --port 443 --json'],
  });
}

const port = wholeNumber(1, 65_535);

/** Reads `80,443`, added to what was given before. */
const addPorts = (text: string, before: readonly number[]) => [...before, ...text.split(',').map(port)];

async function doctor({ port: ports, root, kernel, json }: DoctorOptions): Promise<number> {
  const system = runningSystem(root);
  const diagnoses = await diagnose(checks, { system, kernel, ports });
  const ok = diagnoses.every(({ state }) => state !== 'failure');
  if (json) printJson('doctor/1', { ok, checks: diagnoses });
  else print(`${rows(diagnoses)}\n\n${summary(diagnoses)}`);
  return ok ? exitStatus.ok : exitStatus.failed;
}

/** Folders that the kernel fills, where a system runs: without them every check would look into the void and find it in order. */
const filledByKernel = ['/proc/net', '/sys/class/net'];

function runningSystem(root: string): System {
  const system = new System(root);
  const missing = filledByKernel.find((folder) => !system.has(folder));
  if (missing === undefined) return system;
  throw new ToaError(
    'ERR_TOA_USAGE',
    `given the root ${system.root}, where ${missing} is not there; wanted that of a system that runs, with /proc and /sys`,
  );
}

const colors: { readonly [state in State]: kleur.Color } = {
  ok: kleur.green,
  warning: kleur.yellow,
  failure: kleur.red,
  unknown: kleur.cyan,
};

function rows(diagnoses: readonly Diagnosis[]): string {
  return table(
    [{ heading: 'CHECK' }, { heading: 'STATE' }, { heading: 'FINDING' }],
    diagnoses.flatMap(({ check, state, finding, remedy }) => [
      [check, state, finding],
      ...(remedy === null ? [] : [['', '', `→ ${remedy}`]]),
    ]),
    (text, column) => (column === 1 && text !== '' ? colors[text as State](text) : text),
  );
}

function summary(diagnoses: readonly Diagnosis[]): string {
  const count = (state: State) => diagnoses.filter((one) => one.state === state).length;
  return `${count('ok')} ok, ${count('warning')} warnings, ${count('failure')} failures, ${count('unknown')} unknown`;
}
