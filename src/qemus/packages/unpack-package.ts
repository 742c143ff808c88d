/** Unpacks a binary package into a folder. */
import { runTool, type ToolContext } from '../run-tool.ts'
import { aptFailure } from './apt-copy.ts'

/** @throws BringupError QEMU_DISK_FULL, QEMU_APT_FAILED, QEMU_TOOL_MISSING */
export async function unpackPackage(
  path: string,
  { folder, suite }: { readonly folder: string; readonly suite: string },
  context: ToolContext,
): Promise<void> {
  const argv = ['dpkg-deb', '--extract', path, folder]
  const { status, lines } = await runTool(argv, context)
  if (status !== 0) throw aptFailure(argv, suite, lines)
}
