/** The kernels that toa.ko is tested in, and where Debian keeps the newest version of each. */

/** What Debian calls the kinds of machines. */
export type Architecture = 'amd64' | 'arm64';

/** Where a kernel may come from. */
export interface KernelSource {
  /** The archive's suite that has the kernel. */
  readonly suite: string;
  readonly archive: 'main' | 'security';
  /** Meta-packages of the image and the headers. */
  readonly image: string;
  readonly headers: string;
  /** The suite whose compiler and libraries build modules for it; none where those of this machine do. */
  readonly toolchain?: string;
}

/** A kernel by the name that `--kernel` takes. Of several sources, the one with the newest version is taken. */
export interface KernelSpec {
  readonly name: string;
  readonly sources: readonly KernelSource[];
  readonly architecture: Architecture;
  /** What a report adds to its version, to tell it from the same one built for another release. */
  readonly suffix?: string;
}

const metaPackages = { image: 'linux-image-amd64', headers: 'linux-headers-amd64' };

export const kernelSpecs: readonly KernelSpec[] = [
  {
    name: '5.10',
    architecture: 'amd64',
    sources: [{ suite: 'bullseye-security', archive: 'security', ...metaPackages }],
  },
  {
    name: '6.1',
    architecture: 'amd64',
    sources: [{ suite: 'bookworm-security', archive: 'security', ...metaPackages }],
  },
  {
    name: '6.12',
    architecture: 'amd64',
    sources: [
      {
        suite: 'bookworm-security',
        archive: 'security',
        image: 'linux-image-6.12-amd64',
        headers: 'linux-headers-6.12-amd64',
      },
      { suite: 'bookworm-backports', archive: 'main', ...metaPackages },
    ],
  },
  {
    name: '6.12-trixie',
    architecture: 'amd64',
    suffix: '+deb13',
    sources: [{ suite: 'trixie-security', archive: 'security', ...metaPackages, toolchain: 'trixie' }],
  },
  {
    name: 'newest',
    architecture: 'amd64',
    sources: [
      { suite: 'trixie-backports', archive: 'main', ...metaPackages, toolchain: 'trixie' },
      { suite: 'forky', archive: 'main', ...metaPackages, toolchain: 'forky' },
    ],
  },
  {
    name: '6.12-arm64',
    architecture: 'arm64',
    suffix: '+arm64',
    sources: [
      {
        suite: 'bookworm-security',
        archive: 'security',
        image: 'linux-image-6.12-arm64',
        headers: 'linux-headers-6.12-arm64',
      },
    ],
  },
];

/** The kernels of these names; all without a name. Throws on an unknown one. */
export function chooseKernels(names: readonly string[]): readonly KernelSpec[] {
  if (names.length === 0) return kernelSpecs;
  return names.map((name) => {
    const spec = kernelSpecs.find((one) => one.name === name);
    if (spec) return spec;
    throw new Error(
      `no kernel is called ${name}: there are ${kernelSpecs.map((one) => one.name).join(', ')}`,
    );
  });
}
