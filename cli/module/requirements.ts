import { ToaError } from '../../lib/errors.js';
import type { System } from './system.js';

/** Whether a system has what it takes to build modules for a kernel. */
export function hasHeaders(system: System, kernel: string): boolean {
  return system.has(`${system.follow(`/lib/modules/${kernel}/build`)}/Makefile`);
}

/** All that is missing for a build, and the line that installs it; undefined where nothing is. */
export function missingBuildTools(
  system: System,
  kernel: string,
): { what: string; remedy: string } | undefined {
  const missing = [
    ...(system.hasProgram('dkms') ? [] : [{ what: 'DKMS', debian: 'dkms', fedora: 'dkms' }]),
    ...(system.hasProgram('make') ? [] : [{ what: 'make', debian: 'make', fedora: 'make' }]),
    ...(hasHeaders(system, kernel)
      ? []
      : [
          {
            what: `the headers of kernel ${kernel}`,
            debian: `linux-headers-${kernel}`,
            fedora: `kernel-devel-${kernel}`,
          },
        ]),
  ];
  if (missing.length === 0) return undefined;
  const apt = `apt-get install ${missing.map(({ debian }) => debian).join(' ')}`;
  const dnf = `dnf install ${missing.map(({ fedora }) => fedora).join(' ')}`;
  // Red Hat's and its likes have DKMS in EPEL only.
  const enterprise = system.hasProgram('dkms') ? dnf : `dnf install epel-release && ${dnf}`;
  return {
    what: missing.map(({ what }) => what).join(', '),
    remedy: { debian: apt, fedora: dnf, enterprise, unknown: `${apt}, or ${dnf}` }[familyOf(system)],
  };
}

/** @throws ToaError ERR_TOA_UNSUPPORTED with all that is missing for a build, and the line that installs it */
export function requireBuildTools(system: System, kernel: string): void {
  const missing = missingBuildTools(system, kernel);
  if (missing === undefined) return;
  throw new ToaError('ERR_TOA_UNSUPPORTED', `missing here: ${missing.what}`, { hint: missing.remedy });
}

/** Which packages a distribution has, by os-release(5). */
function familyOf(system: System): 'debian' | 'fedora' | 'enterprise' | 'unknown' {
  const release = system.read('/etc/os-release') ?? system.read('/usr/lib/os-release') ?? '';
  const ids = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].flatMap(
    ([, value]) => value!.match(/\w+/g) ?? [],
  );
  if (ids.includes('debian') || ids.includes('ubuntu')) return 'debian';
  if (ids.includes('rhel') || ids.includes('centos')) return 'enterprise';
  return ids.includes('fedora') ? 'fedora' : 'unknown';
}
