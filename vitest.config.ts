import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Tests use the names that users use. */
const alias = [
  { find: /^bringup\/test$/, replacement: source('src/testing/index.ts') },
  { find: /^bringup$/, replacement: source('src/index.ts') },
]

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
          // A net only, as below.
          testTimeout: 1_200_000,
        },
      },
      {
        resolve: { alias },
        // Guests share the computer with each other: two files at a time keep their deadlines honest.
        test: {
          name: 'e2e',
          sequence: { groupOrder: 1 },
          include: ['test/e2e/**/*.test.ts', 'test/agreement/**/*.test.ts', 'test/kills/**/*.test.ts'],
          // A net only: what is stuck is told by its CPU time (test/support/progress.ts), not by the clock.
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
      {
        resolve: { alias },
        // Other package managers than apt, in root file systems of their own. `npm run test:managers`.
        test: {
          name: 'managers',
          sequence: { groupOrder: 1 },
          include: ['test/managers/**/*.test.ts'],
          testTimeout: 400_000,
        },
      },
      {
        resolve: { alias },
        // Emulated persistent memory: guests that reboot for minutes. `npm run test:pmem`.
        test: {
          name: 'pmem',
          sequence: { groupOrder: 2 },
          include: ['test/pmem/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
      {
        resolve: { alias },
        // Para-virtual RDMA: guests within a guest. `npm run test:rdma`.
        test: {
          name: 'rdma',
          sequence: { groupOrder: 5 },
          include: ['test/rdma/**/*.test.ts'],
          hookTimeout: 1_200_000,
        },
      },
      {
        resolve: { alias },
        // A cluster of four nodes: a Slurm for each test. `npm run test:slurm`.
        test: {
          name: 'slurm',
          sequence: { groupOrder: 6 },
          include: ['test/slurm/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
        },
      },
      {
        resolve: { alias },
        // Whole systems, booted several times by their own boot loader. `npm run test:debian`.
        test: {
          name: 'debian',
          sequence: { groupOrder: 4 },
          include: ['test/debian/**/*.test.ts'],
          hookTimeout: 600_000,
        },
      },
      {
        resolve: { alias },
        // The whole way on a fresh guest: real apt, and QEMU in QEMU. `npm run test:walk`.
        test: {
          name: 'walk',
          sequence: { groupOrder: 3 },
          include: ['test/walk/**/*.test.ts'],
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
