/**
 * The folder of modules that is compiled into a QEMU. Debian's builds search it besides QEMU_MODULE_DIR, find the modules
 * of the system's QEMU there, and abort ("Only modules from the same build can be loaded", util/module.c). So the copy
 * that is installed searches a folder that cannot exist.
 */
import { readFile, writeFile } from 'node:fs/promises'

/** As long as `/usr/lib`, so that nothing in the file moves; no process can make a folder in /proc. */
const NOWHERE = '/proc/no'

/** @returns the folder that was compiled in, for QEMU_MODULE_DIR; undefined where the file names none */
export async function closeModuleFolder(program: string): Promise<string | undefined> {
  const content = await readFile(program)
  const found = moduleFolderIn(content)
  if (found === undefined) return undefined
  const name = Buffer.from(`\0${found}\0`, 'latin1')
  for (let at = content.indexOf(name); at !== -1; at = content.indexOf(name, at + 1))
    content.write(NOWHERE, at + 1, 'latin1')
  await writeFile(program, content)
  return found
}

/** Pure. */
export function moduleFolderIn(content: Buffer): string | undefined {
  return /\0(\/usr\/lib\/[^\0/]+-linux-[^\0/]+\/qemu)\0/.exec(content.toString('latin1'))?.[1]
}
