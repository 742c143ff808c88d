/** The container in which a project may be built, as the config file says it. */
import * as z from 'zod'

export const containerSchema = z.strictObject({
  base: z
    .string()
    .regex(/^[A-Za-z0-9][\w.:/@-]*$/, 'the name of an image: letters, digits, and . _ - : / @')
    .default('ubuntu:24.04')
    .describe('Image to start from, with apt: `ubuntu:24.04`, `ubuntu:26.04`, `debian:12`.'),
  engine: z.enum(['docker', 'podman']).optional().describe('Default: the first of them that works.'),
  network: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Network of the container, in the engine’s words. Default: the engine’s, or this computer’s where it has none.',
    ),
  sets: z
    .array(z.string())
    .optional()
    .describe('Dependency sets that go into the image. Default: all of the profile but `run` and `test`.'),
  packages: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9][\w.+:~=-]*$/, 'the name of a package: letters, digits, and . + - : = ~ _'),
    )
    .default([])
    .describe('More packages of the base image’s distribution.'),
})

export type ContainerConfig = z.output<typeof containerSchema>
