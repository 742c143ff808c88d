/** What CD-ROMs, floppies and disks have in common: where they are plugged in, and files that must be there. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { type Argument, option } from '../device.ts'
import type { FileFact } from '../facts.ts'
import { processText } from './process-text.ts'
import { whyUnfit } from './unfit-file.ts'

export const problems = defineDiagnostics({
  MEDIUM_MISSING: {
    title: 'The image of a CD-ROM or floppy does not exist.',
    why: 'QEMU exits when it cannot open it',
    remedy: 'build it first, or correct the path; relative paths start at the project’s folder',
    source: 'QEMU: "Could not open … No such file or directory"',
    qemu: 'refuses',
  },
  MEDIUM_UNFIT: {
    title: 'The image of a CD-ROM or floppy is neither a file nor a block device, or is empty.',
    why: 'firmware and guests find nothing on it',
    remedy: 'name the image file',
    source: 'QEMU: "\'file\' driver requires … to be a regular file"',
    qemu: 'misbehaves',
  },
  MEDIUM_NO_ACCESS: {
    title: 'The image of a CD-ROM or floppy cannot be opened by this user.',
    why: 'QEMU runs as the user who runs bringup',
    remedy: 'change the owner or the mode of the file; only with `persist: true` it has to be writable',
    source: 'QEMU: "Could not open … Permission denied"',
    qemu: 'refuses',
  },
  MEDIUM_BUSY: {
    title: 'Another process uses the image of a CD-ROM or floppy.',
    why: 'QEMU locks images: several readers can share one, and a writer keeps all others out',
    remedy: 'wait for the other run or end it, or use a copy of the image',
    source: 'QEMU: "Failed to get "write" lock", "Failed to get shared "write" lock"',
    qemu: 'refuses',
  },
})

/** What is wrong with the file of a medium. `isWritten`: the guest's writes go to it. */
export function checkMedium(
  fact: FileFact | undefined,
  { at, isWritten = false }: { readonly at: string; readonly isWritten?: boolean },
): readonly Diagnostic[] {
  if (!fact) return []
  if (fact.kind === 'missing') return [problems.MEDIUM_MISSING.at(at, `there is no ${fact.path}`)]
  const isFile = fact.kind === 'file' || fact.kind === 'block-device'
  const unfit = whyUnfit(fact) ?? (isFile ? undefined : `is a ${fact.kind}`)
  if (unfit !== undefined) return [problems.MEDIUM_UNFIT.at(at, `${fact.path} ${unfit}`)]
  if (fact.kind === 'file' && fact.bytes === 0) return [problems.MEDIUM_UNFIT.at(at, `${fact.path} is empty`)]
  if (!fact.isReadable || (isWritten && !fact.isWritable))
    return [
      problems.MEDIUM_NO_ACCESS.at(at, `${fact.path} cannot be ${fact.isReadable ? 'written' : 'read'}`),
    ]
  const use = fact.imageUse
  if (use !== undefined && (use.forbidsReaders || isWritten))
    return [problems.MEDIUM_BUSY.at(at, `${fact.path} is held by ${processText(use)}`)]
  return []
}

/** The backend of a medium. Driver and name are apart: a name with a colon would else be taken for a protocol. */
export function mediumBackend(
  fact: FileFact | undefined,
  file: string,
  more: Readonly<Record<string, string | number | boolean | undefined>>,
): Argument {
  return option('-drive', undefined, {
    ...more,
    format: 'raw',
    'file.driver': fact?.kind === 'block-device' ? 'host_device' : 'file',
    'file.filename': file,
  })
}

/** Buses with a controller of the medium's own: QEMU's driver, the numbers of its PCI function. */
export const CONTROLLERS = {
  scsi: { driver: 'virtio-scsi-pci', numbers: '1af4:1004' },
  usb: { driver: 'qemu-xhci', numbers: '1b36:000d' },
} as const

/** The controller, and the bus that its medium is on. */
export function controllerFor(
  bus: 'scsi' | 'usb',
  id: string,
): { readonly args: readonly Argument[]; readonly bus: string } {
  return {
    args: [option('-device', CONTROLLERS[bus].driver, { id: `${id}-${bus}` })],
    bus: `${id}-${bus}.0`,
  }
}
