/**
 * Step: systemd mounts the device at every boot, and makes the file system again where it is gone: after a power loss
 * the memory is empty. Sources: systemd.mount(5), systemd-makefs(8).
 */
import * as z from 'zod'
import type { HostCommand } from '../../steps/host-command.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { file } from '../../steps/kinds/file.ts'
import { defineStep, type Json } from '../../steps/step.ts'
import { escapeUnitPath, mountUnit, serviceUnit } from '../unit-text.ts'
import { readyDevice, regionOf, regionSchema } from './pmem-device.ts'

const schema = z.object({
  region: regionSchema,
  type: z.enum(['ext4', 'xfs']),
  label: z.string(),
  path: z.string().startsWith('/'),
})

type Params = z.output<typeof schema>
type FileParams = Parameters<typeof file.check>[0]

interface Before {
  readonly [key: string]: Json
  readonly files: readonly { readonly params: FileParams; readonly before: Json }[]
}

const FOLDER = '/etc/systemd/system'

export const pmemUnit = defineStep<Params, Before>({
  kind: 'pmem-unit',
  schema,
  needs: ['root'],
  describe: ({ path }) => `mount it at every boot on ${path}`,
  async check(params, host) {
    const device = await readyDevice(regionOf(params.region), host)
    if (!device) return { state: 'later', detail: 'after the device exists' }
    const units = unitFiles(params, device.path)
    const found = await Promise.all(
      units.map(async (unit) => ({ unit, finding: await file.check(unit, host) })),
    )
    const blocked = found.flatMap(({ finding }) => (finding.state === 'blocked' ? finding.diagnostics : []))
    if (blocked.length > 0) return { state: 'blocked', diagnostics: blocked }
    const changes = found.flatMap(({ unit, finding }) =>
      finding.state === 'change' ? [{ unit, finding }] : [],
    )
    if (changes.length === 0 && (await isEnabled(params, host)))
      return { state: 'done', detail: `${mountName(params)} is enabled` }
    return {
      state: 'change',
      detail: mountName(params),
      before: { files: changes.map(({ unit, finding }) => ({ params: unit, before: finding.before })) },
      commands: [
        ...changes.flatMap(({ finding }) => finding.commands),
        systemctl('daemon-reload'),
        systemctl('enable', mountName(params)),
      ],
    }
  },
  async undo(params, { files }, host) {
    const findings = await Promise.all(
      files.map((f) => file.undo(f.params, f.before as Parameters<typeof file.undo>[1], host)),
    )
    const blocked = findings.flatMap((f) => (f.state === 'blocked' ? f.diagnostics : []))
    if (blocked.length > 0) return { state: 'blocked', diagnostics: blocked }
    const commands = findings.flatMap((f) => (f.state === 'change' ? f.commands : []))
    const disabling = (await isEnabled(params, host)) ? [systemctl('disable', mountName(params))] : []
    if (commands.length + disabling.length === 0) return { state: 'done', detail: 'removed' }
    return {
      state: 'change',
      detail: 'remove the units',
      commands: [...disabling, ...commands, systemctl('daemon-reload')],
    }
  },
})

function unitFiles(params: Params, device: string): readonly FileParams[] {
  const service = `${params.label}.service`
  const units = [
    { path: `${FOLDER}/${service}`, content: serviceUnit(device, params.type) },
    { path: `${FOLDER}/${mountName(params)}`, content: mountUnit({ ...params, device, service }) },
  ]
  return units.map((unit) => ({ ...unit, mode: '644', asRoot: true, why: params.path }))
}

function mountName({ path }: Params): string {
  return `${escapeUnitPath(path)}.mount`
}

async function isEnabled(params: Params, host: HostReader): Promise<boolean> {
  const { stdout } = await host.ask(['systemctl', 'is-enabled', mountName(params)])
  return stdout.trim() === 'enabled'
}

function systemctl(...args: readonly string[]): HostCommand {
  return { argv: ['systemctl', ...args], asRoot: true }
}
