/**
 * Step: MLNX_OFED, NVIDIA's own drivers for its RDMA cards, from an archive on this computer. Nothing is fetched.
 * Source: NVIDIA MLNX_OFED documentation, "Installing MLNX_OFED", "Uninstalling MLNX_OFED". Not tried on hardware.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'

export const problems = defineDiagnostics({
  RDMA_ARCHIVE_MISSING: {
    title: 'The archive of MLNX_OFED is not a file.',
    why: 'bringup installs it from a file on this computer and never fetches it',
    remedy: 'download MLNX_OFED_LINUX-VERSION-DISTRIBUTION-x86_64.tgz from NVIDIA, and give its path',
  },
  RDMA_ARCHIVE_CHECKSUM: {
    title: 'The archive of MLNX_OFED has another checksum than the one given.',
    why: 'its installer runs as root',
    remedy: 'download it again, and compare the checksum with that of NVIDIA’s page',
  },
})

const schema = z.object({ archive: z.string().startsWith('/'), sha256: z.string().regex(/^[0-9a-f]{64}$/) })

/** Only root can write there: in a folder for all, another user could have put it there before. */
const folderFor = (sha256: string) => `/var/lib/bringup-ofed-${sha256.slice(0, 12)}`

const UNINSTALL = '/usr/sbin/ofed_uninstall.sh'

/** `MLNX_OFED_LINUX-5.8-3.0.7.0`; undefined where it is not installed. */
export async function ofedVersion(host: HostReader): Promise<string | undefined> {
  const { stdout, exitCode } = await host.ask(['ofed_info', '-s'])
  return exitCode === 0 ? stdout.trim().replace(/:$/, '') || undefined : undefined
}

export const ofedDriver = defineStep<z.output<typeof schema>, null>({
  kind: 'rdma.ofed',
  schema,
  needs: ['root'],
  describe: ({ archive }) => `install MLNX_OFED from ${archive}`,
  async check({ archive, sha256 }, host) {
    const version = await ofedVersion(host)
    if (version !== undefined) return { state: 'done', detail: `${version} is installed` }
    if (!host.stat(archive)?.isFile())
      return {
        state: 'blocked',
        diagnostics: [problems.RDMA_ARCHIVE_MISSING.at('', `${archive} is not a file`)],
      }
    const found = await sha256Of(archive)
    if (found !== sha256) {
      const what = `${archive} has ${found}, not ${sha256}`
      return { state: 'blocked', diagnostics: [problems.RDMA_ARCHIVE_CHECKSUM.at('', what)] }
    }
    const folder = folderFor(sha256)
    return {
      state: 'change',
      detail: 'not installed; the checksum of the archive is right',
      before: null,
      commands: [
        { argv: ['mkdir', '-p', '-m', '0700', folder], asRoot: true },
        {
          argv: [
            'tar',
            '--extract',
            '--gzip',
            '--file',
            archive,
            '--directory',
            folder,
            '--strip-components=1',
          ],
          asRoot: true,
        },
        {
          argv: [`${folder}/mlnxofedinstall`, '--all', '--force', '--without-fw-update'],
          cwd: '/',
          asRoot: true,
          whenOrphaned: 'finish',
        },
        { argv: ['rm', '-rf', folder], asRoot: true },
      ],
    }
  },
  async undo({ sha256 }, _, host) {
    const isInstalled = (await ofedVersion(host)) !== undefined
    const folder = folderFor(sha256)
    const hasFolder = host.stat(folder) !== undefined
    if (!isInstalled && !hasFolder) return { state: 'done', detail: 'not installed' }
    return {
      state: 'change',
      detail: isInstalled ? 'run its own uninstaller' : 'remove the unpacked archive',
      commands: [
        ...(isInstalled
          ? [{ argv: [UNINSTALL, '--force'], asRoot: true, whenOrphaned: 'finish' as const }]
          : []),
        ...(hasFolder ? [{ argv: ['rm', '-rf', folder], asRoot: true }] : []),
      ],
    }
  },
})

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
