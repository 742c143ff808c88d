/** For tests: a folder that stands for `/`, filled with files. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { HostReader } from '../../src/steps/host-reader.ts'
import { rootedHost } from './rooted-host.ts'

export interface FakeRoot extends Disposable {
  readonly root: string
  readonly host: HostReader
}

/**
 * @param files content by path; `-> TARGET` makes a symbolic link
 * @param answers standard output of programs, by name; others are missing
 */
export function fakeRoot(
  files: Readonly<Record<string, string>>,
  answers: Readonly<Record<string, string>> = {},
): FakeRoot {
  const root = mkdtempSync(join(tmpdir(), 'root '))
  for (const [path, content] of Object.entries(files)) {
    const full = join(root, path)
    mkdirSync(dirname(full), { recursive: true })
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), full)
    else writeFileSync(full, content)
  }
  return {
    root,
    host: rootedHost(root, answers),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** Files of a soft-RoCE device on an interface, as the kernel shows it. */
export function softRoce(name: string, parent: string): Readonly<Record<string, string>> {
  const port = `sys/class/infiniband/${name}/ports/1`
  return {
    [`sys/class/infiniband/${name}/parent`]: `${parent}\n`,
    [`${port}/state`]: '4: ACTIVE\n',
    [`${port}/link_layer`]: 'Ethernet\n',
    [`${port}/gids/0`]: 'fe80:0000:0000:0000:0000:00ff:fe00:0001\n',
    [`sys/class/infiniband_verbs/uverbs-${name}/ibdev`]: `${name}\n`,
    [`sys/class/infiniband_mad/issm-${name}/ibdev`]: `${name}\n`,
    [`sys/class/infiniband_mad/issm-${name}/port`]: '1\n',
    [`sys/class/infiniband_mad/umad-${name}/ibdev`]: `${name}\n`,
    [`sys/class/infiniband_mad/umad-${name}/port`]: '1\n',
    [`dev/infiniband/uverbs-${name}`]: '',
    [`dev/infiniband/umad-${name}`]: '',
    [`sys/class/net/${parent}/address`]: '02:00:00:00:00:01\n',
  }
}
