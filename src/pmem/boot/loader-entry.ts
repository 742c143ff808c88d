/** Entries of the Boot Loader Specification, as systemd-boot and Fedora’s GRUB read them. Pure. Source: uapi-group.org, boot_loader_specification. */
import { splitCommandLine } from '../kernel-arguments.ts'

export function optionsIn(entry: string): readonly string[] {
  return [...entry.matchAll(/^options[ \t]+(.*)$/gm)].flatMap((m) => splitCommandLine(m[1] ?? ''))
}

/** The entry with more words on its (last) line of options. */
export function withOptions(entry: string, words: readonly string[]): string {
  const lines = entry.split('\n')
  const index = lines.findLastIndex((line) => /^options[ \t]/.test(line))
  const added = words.join(' ')
  return index === -1
    ? `${entry.endsWith('\n') ? entry : `${entry}\n`}options ${added}\n`
    : lines.map((line, i) => (i === index ? `${line.trimEnd()} ${added}` : line)).join('\n')
}

/** Without these words, wherever they stand. */
export function withoutWords(text: string, words: readonly string[]): string {
  return words.reduce((left, word) => left.replaceAll(` ${word}`, ''), text)
}

/**
 * The entry as it was, to fall back on. Without sort key and version it is sorted behind those that have them, so that it
 * is never the one that starts by itself.
 */
export function fallbackEntry(entry: string): string {
  const kept = entry.split('\n').filter((line) => !/^(sort-key|version)[ \t]/.test(line))
  return kept
    .map((line) => (/^title[ \t]/.test(line) ? `${line.trimEnd()} (before bringup)` : line))
    .join('\n')
}
