/** The name that a device has in a description, in QEMU, in file names and in findings. */
import * as z from 'zod'

/** QEMU's rule for ids (`id_wellformed` in util/id.c), and the chardev names that bringup keeps for itself. */
const ID = /^(?!console$|bringup-)[A-Za-z][A-Za-z0-9._-]*$/

/**
 * An id; without one, the kind and a number (`nvdimm0`).
 * It is also a file name, so nothing that QEMU accepts can lead out of a folder: slashes are no part of an id.
 */
export const zDeviceId = z.lazy(() =>
  z
    .string()
    .regex(
      ID,
      'an id starts with a letter, followed by letters, digits, ".", "_" and "-", and is neither "console" nor "bringup-…"',
    )
    .optional()
    .describe('Name of the device; by default its kind and a number, such as `nvdimm0`.'),
)
