/** Kernels that lack what a Linux guest needs, and drivers that the command line and QEMU's arguments ask for. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadProject, planOnly } from 'bringup'
import { describe } from 'vitest'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { expect, test } from '../support/guests.ts'

const PATIENT = { timeout: 1_200_000 }
const linux = { profile: 'linux', overrides: { timeout: '19m' } } as const

/** The kernel of this distribution, as a file without its modules. */
function kernelAlone(): Disposable & Readonly<Record<'kernel' | 'release' | 'folder', string>> {
  const packages = join(cacheFolder(), 'linux', 'packages')
  const boot = readdirSync(packages)
    .map((name) => join(packages, name, 'boot'))
    .find((path) => existsSync(path) && readdirSync(path).some((name) => name.startsWith('vmlinuz-')))
  const image = boot && readdirSync(boot).find((name) => name.startsWith('vmlinuz-'))
  if (boot === undefined || image === undefined) throw new Error('no kernel package in the cache')
  const folder = mkdtempSync(join(tmpdir(), 'bringup-kernel-'))
  const kernel = join(folder, 'bzImage')
  copyFileSync(join(boot, image), kernel)
  return {
    folder,
    kernel,
    release: image.slice('vmlinuz-'.length),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

describe('a kernel of the user’s own', PATIENT, () => {
  test('without the drivers of the command channel is refused before it boots', async ({ launch }) => {
    // The package of the kernel is in the cache from then on.
    await launch({}, linux)
    using alone = kernelAlone()
    await expect(launch({ boot: { kernel: alone.kernel } }, linux)).rejects.toMatchObject({
      code: 'LINUX_CHANNEL_DRIVER_MISSING',
      diagnostics: [
        {
          path: 'boot.kernel',
          what: expect.stringMatching(/virtio_console/),
          remedy: expect.stringContaining(`linux-image-${alone.release}`),
        },
      ],
    })
    // `plan` says it too, with all else that is wrong, and makes nothing.
    const { plan } = await planOnly({
      project: await loadProject({ cwd: alone.folder }),
      profile: 'linux',
      overrides: {
        boot: { kernel: alone.kernel },
        devices: [{ kind: 'nvdimm', id: 'x', size: '128M', node: 7 }],
      },
    })
    const found = plan.diagnostics.map(({ code, path }) => `${code} ${path}`)
    expect(found).toContain('LINUX_CHANNEL_DRIVER_MISSING boot.kernel')
    expect(found).toContain('NVDIMM_NODE_WITHOUT_NUMA devices[0].node')
  })

  test('without a console is warned of, and a time-out speaks of no line', async ({ launch }) => {
    using alone = kernelAlone()
    const guest = await launch(
      { boot: { kernel: alone.kernel, append: 'root=/dev/vda edd=off' }, timeout: '3s' },
      { profile: 'bare' },
    )
    expect(guest.plan.diagnostics).toMatchObject([{ code: 'BOOT_CONSOLE_SILENT', severity: 'warning' }])
    const { verdict, diagnostics } = await guest.done
    expect(verdict).toBe('timed-out')
    expect(diagnostics[0]?.remedy).toContain('console=ttyS0')
  })
})

describe('a Linux guest', PATIENT, () => {
  test('complains on the console while its channel does not come', async ({ launch }) => {
    const guest = await launch({ boot: { append: 'module_blacklist=virtio_console' } }, linux)
    await guest.console.expect('bringup: still waits for a port of virtio_console', { timeoutMs: 1_000_000 })
  })

  test('has the drivers of persistent memory that its command line makes', async ({ launch }) => {
    const guest = await launch({ memory: '1G', boot: { append: 'memmap=128M!512M' } }, linux)
    const { stdout } = await guest.run(['cat', '/sys/block/pmem0/size'])
    expect(stdout).toBe(`${(128 << 20) / 512}\n`)
  })

  test('has the drivers of devices that QEMU’s own arguments bring', async ({ launch }) => {
    const qemuArgs = ['-drive', 'if=none,id=x,driver=null-co,size=8M', '-device', 'nvme,drive=x,serial=1']
    const guest = await launch({ qemuArgs }, linux)
    const { stdout } = await guest.run([
      'sh',
      '-c',
      'until test -e /sys/block/nvme0n1; do :; done; cat /sys/block/nvme0n1/size',
    ])
    expect(stdout).toBe(`${(8 << 20) / 512}\n`)
  })
})
