/** The generated page on what each QEMU can do. Data in, text out. */

const NOTICE =
  '<!-- Made by `npm run docs:generate` from scripts/qemu-features.json; changes here are overwritten. -->'

/**
 * @param features `FEATURES` of src/qemu/features.ts.
 * @param qemus What scripts/record-qemu-features.mjs recorded.
 */
export function qemusPage(features, qemus) {
  const row = (cells) => `| ${cells.join(' | ')} |`
  const has = (qemu, name) => (qemu.features.includes(name) ? 'yes' : '')
  return `${[
    NOTICE,
    '',
    '# QEMU versions and features',
    '',
    "What each QEMU told of itself: its types, properties, commands, options and exported functions. `bringup qemu list --features` shows the same of the QEMUs on your computer, and `machine.qemu: { features: ['cxl-volatile'] }` chooses by it.",
    '',
    row(['feature', 'means', ...qemus.map((q) => q.version)]),
    row(['---', '---', ...qemus.map(() => '---')]),
    ...Object.entries(features).map(([name, { says }]) =>
      row([`\`${name}\``, says, ...qemus.map((q) => has(q, name))]),
    ),
    '',
    '## Recorded from',
    '',
    row(['version', 'build', 'from']),
    row(['---', '---', '---']),
    ...qemus.map((q) => row([q.version, q.package, q.from])),
    '',
    'Another build of the same version can have fewer features: `pvrdma`, `libpmem` and plugins are options of QEMU’s `configure`.',
  ].join('\n')}\n`
}
