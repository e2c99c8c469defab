import { readFileSync } from 'node:fs';
import { run } from '../run.js';

/** The base URIs of the two archives of Debian. */
export interface Mirror {
  readonly main: string;
  readonly security: string;
}

/**
 * The mirror that this machine's apt is configured with: apt itself is asked, so that every form of configuration counts,
 * and without a look at the lists, which may never have been fetched.
 */
export async function configuredMirror(): Promise<Mirror> {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const listed = await run('apt-get', [
    'indextargets',
    '--no-release-info',
    '--format',
    '$(RELEASE) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const uris = new Map(listed.split('\n').map((line) => line.split(' ', 2) as [string, string]));
  const main = uris.get(release);
  const security = uris.get(`${release}-security`);
  if (main === undefined || security === undefined) {
    throw new Error(`apt has no source for ${release} and ${release}-security: is this Debian?`);
  }
  return { main, security };
}
