/** What can be wrong with an image. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  IMAGE_SOURCE_MISSING: {
    title: 'A file or folder that goes into an image or a tree does not exist.',
    why: 'the image would lack it',
    remedy:
      'build it first (name its target in `needs`), or correct the path; paths start at the project’s folder',
  },
  IMAGE_TOO_SMALL: {
    title: 'What goes into an image is larger than the image.',
    why: 'bringup does not truncate content',
    remedy: 'raise `bytes`, or omit it: the size then follows from the content',
  },
  IMAGE_WRONG: {
    title: 'The description of an image contradicts itself.',
    why: 'firmware or kernel would refuse the image',
    remedy: 'correct the description in the profile',
  },
  IMAGE_TOOL_FAILED: {
    title: 'A program could not write a file system: mtools a FAT, mke2fs an ext4.',
    why: 'its output is below',
    remedy: 'check the space on the disk, and that names are allowed on FAT (no : * ? " < > |)',
  },
})
