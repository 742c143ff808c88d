/** The short form for a kernel of one's own: how it is built, and what comes out. */
import * as z from 'zod'
import { stepsSchema } from '../kernel-tests/steps.ts'
import { zPattern } from '../pattern.ts'

const argv = z
  .array(z.string())
  .nonempty()
  .describe('A program and its arguments; there is no shell: `["make", "image"]`.')

const verdict = z.enum(['passed', 'failed'])

const exitMeaning = z.union([
  verdict,
  z.strictObject({ verdict, meaning: z.string().min(1).describe('In a sentence, for the result.') }),
])

/** `kernel` in a config file. */
export const kernelSchema = z
  .strictObject({
    build: z
      .union([argv, z.array(argv).nonempty()])
      .optional()
      .describe('The command that builds it, or several that run one after another.'),
    folder: z
      .string()
      .optional()
      .describe('Folder in which the commands run. Default: the project’s folder.'),
    tools: z
      .array(z.string().min(1))
      .optional()
      .describe(
        'Programs that the build calls beyond those that it starts with: `bringup setup` installs them, and container images have them. `gcc -m32`: the libraries for 32-bit programs. `rustup target NAME` and `rustup component NAME`: of the Rust toolchain.',
      ),
    env: z.record(z.string(), z.string()).optional().describe('Added to the environment of the commands.'),
    image: z
      .string()
      .optional()
      .describe('The kernel that comes out, for a direct boot: bzImage, PVH or multiboot ELF.'),
    disk: z
      .union([z.string(), z.array(z.string()).nonempty()])
      .optional()
      .describe(
        'The raw disk image that comes out, for a boot by BIOS; of several, the first is booted. Default bus: IDE on a `pc`, whose ports small kernels drive.',
      ),
    iso: z.string().optional().describe('The ISO image that comes out, for a boot from CD-ROM.'),
    floppy: z.string().optional().describe('The floppy image that comes out, for a boot by BIOS on a `pc`.'),
    bus: z
      .enum(['ide', 'virtio', 'nvme', 'scsi', 'usb'])
      .optional()
      .describe('Bus of disk or iso. Default: `ide`.'),
    esp: z.string().optional().describe('The folder that comes out, for a boot by UEFI.'),
    exitCodes: z
      .record(z.string().regex(/^(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])$/), exitMeaning)
      .optional()
      .describe(
        'Meaning of the values that the kernel writes to isa-debug-exit, over those of the profile: `{ "49": "passed" }`.',
      ),
    passPatterns: z
      .array(zPattern)
      .optional()
      .describe(
        'Regular expressions. A line of the console or of the screen that matches one is a pass and ends the guest; nothing else is a pass then.',
      ),
    panicPatterns: z
      .array(zPattern)
      .optional()
      .describe(
        'Regular expressions. A line of the console or of the screen that matches one is a crash, as are those of the profile.',
      ),
    test: stepsSchema
      .optional()
      .describe('What `bringup test` does in the guest, step by step: texts to expect, keys to press.'),
  })
  .refine((k) => [k.image, k.disk, k.iso, k.floppy, k.esp].filter((p) => p !== undefined).length === 1, {
    error: 'name exactly one of image, disk, iso, floppy and esp: what is booted',
  })
  .refine((k) => k.bus === undefined || k.disk !== undefined || k.iso !== undefined, {
    error: 'bus belongs to disk or iso',
    path: ['bus'],
  })
  .refine((k) => k.iso === undefined || (k.bus !== 'virtio' && k.bus !== 'nvme'), {
    error: 'a CD-ROM is on ide, scsi or usb',
    path: ['bus'],
  })
  .describe('A kernel of your own: how it is built, and what comes out.')

export type KernelForm = z.output<typeof kernelSchema>
