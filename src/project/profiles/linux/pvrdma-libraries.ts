/**
 * The library by which programs of the guest use a pvrdma. libibverbs opens it by name, so that no ELF file declares it;
 * without it `ibv_devices` lists nothing and returns 0.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry } from '../../images/cpio.ts'
import { locate } from './libraries.ts'
import { type PackageContext, unpackedPackages } from './packages.ts'

const PACKAGE = 'ibverbs-providers'
const FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64']
/** The number is that of the private interface of libibverbs (rdma-core 17 and later). */
const LIBRARY = 'libibverbs/libvmw_pvrdma-rdmav34.so'
/** Opened by name when a thread ends itself, as those of rping do. */
const UNWINDER = 'libgcc_s.so.1'

/** This computer's own, else those of the package, which is unpacked and not installed. */
export async function pvrdmaLibraries(context: PackageContext): Promise<readonly Entry[]> {
  const here = find(LIBRARY, ['/'])
  const library = here ?? find(LIBRARY, await unpackedPackages([PACKAGE], context))
  const unwinder = find(UNWINDER, ['/'])
  return [library, unwinder]
    .flatMap((file): readonly Entry[] =>
      file === undefined
        ? []
        : [{ kind: 'file', path: file.to, mode: 0o755, content: readFileSync(file.from) }],
    )
    .concat(
      library === undefined
        ? []
        : [
            {
              kind: 'file',
              path: join('etc/libibverbs.d', 'vmw_pvrdma.driver'),
              mode: 0o644,
              content: Buffer.from('driver vmw_pvrdma\n'),
            },
          ],
    )
}

const find = (name: string, roots: readonly string[]) =>
  FOLDERS.map((folder) => locate(join(folder, name), { roots })).find((file) => file !== undefined)
