import { accessSync, constants, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from './command.js';

const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The Linux system that the module is for: this one, or one whose root folder is somewhere else, such as an image that is
 * being made, or the host of a container. Paths are as that system has them.
 */
export class System {
  readonly root: string;

  constructor(root = '/') {
    this.root = resolve(root);
  }

  /** Whether this is the system that we run in, so that what is loaded in the kernel belongs to it. */
  get isOurs(): boolean {
    return this.root === '/';
  }

  /** Where one of its files is for us. */
  path(path: string): string {
    return join(this.root, path);
  }

  /** A command that runs in it. */
  command(program: string, ...args: string[]): Command {
    return this.isOurs ? { program, args } : { program: 'chroot', args: [this.root, program, ...args] };
  }

  /** A file's text without white space at its ends; undefined where it cannot be read. */
  read(path: string): string | undefined {
    try {
      return readFileSync(this.path(path), 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  has(path: string): boolean {
    return statSync(this.path(path), { throwIfNoEntry: false }) !== undefined;
  }

  /** The names in a folder, sorted; none where it cannot be read. */
  list(path: string): string[] {
    try {
      return readdirSync(this.path(path)).sort();
    } catch {
      return [];
    }
  }

  hasProgram(name: string): boolean {
    return programFolders.some((folder) => {
      try {
        accessSync(this.path(join(folder, name)), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  }

  /** What a link points to, which for an absolute one is inside this system's root; the path itself if it is no link. */
  follow(path: string): string {
    try {
      const target = readlinkSync(this.path(path));
      return isAbsolute(target) ? target : join(path, '..', target);
    } catch {
      return path;
    }
  }
}
