// Prints what a run of ours could leave on the machine, a line each: what is there after and was not before is a leak.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The parent of a process. The command's name stands in parentheses before it, and may hold anything. */
function parentOf(pid) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) \S /s, '')
    .split(' ')[0];
}

/** This process and those that started it. */
function ancestry() {
  const pids = [];
  for (let pid = String(process.pid); pid !== '0'; pid = parentOf(pid)) pids.push(pid);
  return pids;
}

/** Processes that run in the checkout, or something out of it. */
function processes() {
  const ours = new Set(ancestry());
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && !ours.has(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const folder = readlinkSync(`/proc/${pid}/cwd`);
        return folder.startsWith(process.cwd()) || command.includes(process.cwd())
          ? [`${pid} ${command}`]
          : [];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}

const mounts = readFileSync('/proc/self/mounts', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split(' ')[1])
  .filter((path) => path !== '/run/netns'); // `ip netns` makes it once and keeps it
const tables = spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' }).stdout ?? '';
const belongings = [
  ...list('/run/netns').map((name) => `namespace ${name}`),
  ...list('/sys/class/net').map((name) => `interface ${name}`),
  ...mounts.map((path) => `mount ${path}`),
  ...(tables.match(/^table .*toa.*$/gim) ?? []),
  ...processes().map((line) => `process ${line}`),
];
console.log(belongings.sort().join('\n'));
