/** For tests: an ISO that GRUB boots, with the lines of its configuration. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** @returns its path: `NAME.iso` in the folder */
export function isoOf(folder: string, name: string, lines: readonly string[]): string {
  const root = join(folder, name)
  mkdirSync(join(root, 'boot/grub'), { recursive: true })
  writeFileSync(join(root, 'boot/grub/grub.cfg'), lines.join('\n'))
  const iso = join(folder, `${name}.iso`)
  const { status, stderr } = spawnSync('grub-mkrescue', ['-o', iso, root], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`grub-mkrescue: ${stderr}`)
  return iso
}
