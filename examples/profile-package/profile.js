/**
 * A profile as an npm package. A profile is plain data and functions, so the package needs nothing of bringup while it
 * runs; the types come from it.
 *
 * @type {import('bringup').Profile}
 */
export const bootSector = {
  name: 'boot-sector',
  summary: 'a program in main.S that fits into 510 bytes and is started by a BIOS',
  defaults: { boot: { firmware: 'bios' }, memory: '16M', debugExit: true, timeout: '20s' },
  judgement: {
    exitCodes: {
      16: { verdict: 'passed', meaning: 'the program said that all is well' },
      17: { verdict: 'failed', meaning: 'the program said that something is wrong' },
    },
    panicPatterns: ['^FATAL'],
    onPowerOff: 'passed',
    onReset: 'stop',
  },
  hasShell: false,
  verifiesByDefault: false,

  // They become `bringup build --greeting TEXT`, `bringup run --greeting TEXT`, and `build: { greeting }` in a config.
  buildOptions: [
    {
      name: 'greeting',
      type: 'text',
      description: 'what the program says',
      default: 'hello',
      valueName: 'text',
    },
    {
      name: 'fails',
      type: 'boolean',
      description: 'let the program say that something is wrong',
      default: false,
    },
  ],

  build: ({ buildFolder, options }) => {
    const [object, sector] = [`${buildFolder}/main.o`, `${buildFolder}/sector.bin`]
    const defines = [`-DGREETING="${options.greeting}"`, ...(options.fails ? ['-DFAILS'] : [])]
    const flags = [
      '-m32',
      '-nostdlib',
      '-static',
      '-Wl,-e,start,-Ttext=0x7c00,--build-id=none,--oformat=binary',
    ]
    return {
      targets: [
        {
          id: 'sector',
          summary: 'the program, assembled',
          inputs: ['main.S'],
          outputs: [sector],
          // Everything that it is made of is said here, so bringup can tell when there is nothing to do.
          isComplete: true,
          actions: [
            { kind: 'command', argv: ['gcc', '-m32', ...defines, '-c', 'main.S', '-o', object] },
            { kind: 'command', argv: ['gcc', ...flags, '-o', sector, object] },
          ],
        },
        {
          id: 'disk',
          summary: 'a disk that begins with it',
          needs: ['sector'],
          actions: [
            {
              kind: 'image',
              to: `${buildFolder}/disk.img`,
              image: { kind: 'raw', bytes: 1024 * 1024, pieces: [{ at: 0, source: { from: sector } }] },
            },
          ],
        },
      ],
    }
  },

  prepare: async ({ buildFolder }) => ({
    machine: {
      devices: [{ kind: 'disk', id: 'boot', file: `${buildFolder}/disk.img`, format: 'raw', bootindex: 0 }],
    },
  }),

  recognise: (tree) =>
    /^\s*\.code16\b/m.test(tree.read('main.S') ?? '')
      ? {
          what: 'boot sector program',
          because: '.code16 in main.S',
          entries: [{ key: 'profile', value: 'boot-sector' }],
        }
      : undefined,
}
