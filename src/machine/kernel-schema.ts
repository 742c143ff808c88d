/** The short form for a kernel of one's own: how it is built, and what comes out. */
import * as z from 'zod'

const argv = z
  .array(z.string())
  .nonempty()
  .describe('A program and its arguments; there is no shell: `["make", "image"]`.')

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
    env: z.record(z.string(), z.string()).optional().describe('Added to the environment of the commands.'),
    image: z
      .string()
      .optional()
      .describe('The kernel that comes out, for a direct boot: bzImage, PVH or multiboot ELF.'),
    disk: z.string().optional().describe('The raw disk image that comes out, for a boot by BIOS.'),
    esp: z.string().optional().describe('The folder that comes out, for a boot by UEFI.'),
  })
  .refine((k) => [k.image, k.disk, k.esp].filter((path) => path !== undefined).length === 1, {
    error: 'name exactly one of image, disk and esp: what is booted',
  })
  .describe('A kernel of your own: how it is built, and what comes out.')

export type KernelForm = z.output<typeof kernelSchema>
