/** The process that holds a file, in words. */
export function processText({ pid, command }: { readonly pid: number; readonly command: string }): string {
  return pid > 0 ? `process ${pid} (${command})` : 'another process'
}
