/** For tests: a host whose files lie in a folder, and whose programs answer from a table. */
import { join } from 'node:path'
import { createHostReader, type HostReader } from '../../src/steps/host-reader.ts'

/** @param answers Standard output by the program's name; programs that are not there are missing. */
export function rootedHost(root: string, answers: Readonly<Record<string, string>> = {}): HostReader {
  const host = createHostReader(new AbortController().signal)
  return {
    signal: host.signal,
    read: (path) => host.read(join(root, path)),
    stat: (path) => host.stat(join(root, path)),
    readlink: (path) => host.readlink(join(root, path)),
    list: (path) => host.list(join(root, path)),
    ask: async ([program = '']) => {
      const stdout = answers[program]
      return stdout === undefined
        ? { stdout: '', stderr: '', exitCode: null, isMissing: true }
        : { stdout, stderr: '', exitCode: 0, isMissing: false }
    },
  }
}
