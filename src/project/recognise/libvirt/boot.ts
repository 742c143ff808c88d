/** What a libvirt domain boots, as words of a QEMU command. Pure. */
import { attribute, child, children, type Element, text } from './elements.ts'
import { keys, pair } from './words.ts'

export function bootWords(os: Element | undefined): readonly string[] {
  const loader = child(os, 'loader')
  const path = text(loader)
  const isFlash = attribute(loader, 'type') === 'pflash'
  const variables = text(child(os, 'nvram'))
  const firmware = attribute(os, 'firmware')
  const letters = children(os, 'boot').map(
    (boot) => ({ hd: 'c', cdrom: 'd', fd: 'a', network: 'n' })[attribute(boot, 'dev') ?? ''] ?? '',
  )
  return [
    ...pair('-kernel', text(child(os, 'kernel'))),
    ...pair('-initrd', text(child(os, 'initrd'))),
    ...pair('-append', text(child(os, 'cmdline'))),
    ...(isFlash && path !== undefined
      ? [
          '-drive',
          keys('', { if: 'pflash', unit: '0', format: 'raw', readonly: 'on', file: path }),
          ...(variables === undefined
            ? []
            : ['-drive', keys('', { if: 'pflash', unit: '1', format: 'raw', file: variables })]),
        ]
      : firmware === 'efi'
        ? ['-bios', 'OVMF.fd']
        : pair('-bios', path)),
    ...(letters.length > 0 ? ['-boot', `order=${letters.join('')}`] : []),
  ]
}
