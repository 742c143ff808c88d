import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const docs = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const page = (text: string, link: string) => ({ text, link })

/** Pages of the diagnostics reference, titled as the pages themselves are. */
const diagnostics = readdirSync(docs('reference/diagnostics'))
  .filter((file) => file.endsWith('.md') && file !== 'index.md')
  .map((file) => {
    const title = /^# Diagnostics: (.+)$/m.exec(
      readFileSync(docs(`reference/diagnostics/${file}`), 'utf8'),
    )?.[1]
    return page(title ?? file, `/reference/diagnostics/${file.slice(0, -3)}`)
  })

/** The API pages exist once `npm run docs:api` has run; their sidebar comes from TypeDoc. */
const apiSidebar = existsSync(docs('api/typedoc-sidebar.json'))
  ? JSON.parse(readFileSync(docs('api/typedoc-sidebar.json'), 'utf8'))
  : []

/** Inline code up to this length is not broken. Wider words would be cut off on a phone. */
const LONGEST_WHOLE = 20

export default defineConfig({
  lang: 'en',
  title: 'bringup',
  description: "Describe hardware you don't have, boot a kernel on it, and prove what the guest sees",
  cleanUrls: true,
  srcExclude: ['api/**/_media/**', 'guide/persistence-observed.md'],
  markdown: {
    config: (md) => {
      const { code_inline } = md.renderer.rules
      // Flags and names stay on one line: a browser breaks them after a hyphen.
      md.renderer.rules.code_inline = (tokens, index, ...rest) => {
        const token = tokens[index]
        if (token && token.content.length <= LONGEST_WHOLE) token.attrJoin('class', 'whole')
        return code_inline?.(tokens, index, ...rest) ?? ''
      }
    },
  },
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: '/favicon.svg' }]],
  themeConfig: {
    logo: '/logo.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Guide', '/guide/getting-started'),
      page('Recipes', '/recipes/'),
      page('Devices', '/devices/'),
      page('Reference', '/reference/flags'),
      page('API', '/api/'),
    ],
    notFound: {
      title: 'Page not found',
      quote: 'The page was moved or does not exist. Search for it above, or go to the start page.',
      linkText: 'Start page',
    },
    docFooter: { prev: 'Previous', next: 'Next' },
    sidebar: {
      '/api/': [{ text: 'API', items: apiSidebar }],
      '/': [
        {
          text: 'Start here',
          items: [
            page('Getting started', '/guide/getting-started'),
            page('Tutorial: your own kernel', '/guide/tutorial'),
            page('Describing a machine', '/guide/describing-a-machine'),
            page('Runs and verdicts', '/guide/running'),
            page('Reading the report', '/guide/report'),
            page('Racks: several machines', '/guide/racks'),
            page('Sweeps: one test over many machines', '/guide/sweeps'),
            page('Sweeps on a Slurm cluster', '/guide/slurm'),
            page('A study: boot times of Linux', '/guide/boot-times'),
            page('Networks between machines', '/guide/networks'),
            page('Background runs', '/guide/staying'),
            page('Saved states', '/guide/saved-states'),
            page('Exit codes', '/guide/exit-codes'),
            page('Terminal sessions', '/guide/sessions'),
            page('Troubleshooting', '/guide/troubleshooting'),
          ],
        },
        {
          text: 'Coming from',
          collapsed: true,
          items: [
            page('The first minutes with five kernels', '/guide/first-minutes'),
            page('The first hour, compared', '/guide/first-hour'),
            page('virtme-ng', '/guide/coming-from-vng'),
            page('A QEMU command line', '/guide/coming-from-qemu'),
            page('run.py of nrk', '/guide/coming-from-run-py'),
          ],
        },
        {
          text: 'Guests',
          items: [
            page('Linux guests', '/guide/linux'),
            page('Debian guests', '/guide/debian'),
            page('nrk', '/guide/nrk'),
            page('Profiles of your own', '/guide/profiles'),
          ],
        },
        {
          text: 'Tests and programs',
          items: [
            page('Tests', '/guide/tests'),
            page('Test a kernel by steps', '/guide/kernel-test'),
            page('Library', '/guide/library'),
            page('Services', '/guide/services'),
          ],
        },
        {
          text: 'Source trees',
          items: [
            page('Check-out', '/guide/checkout'),
            page('Dependencies', '/guide/setup'),
            page('QEMU from source', '/guide/qemu-from-source'),
            page('Building', '/guide/building'),
            page('Images', '/guide/images'),
            page('Building in a container', '/guide/containers'),
          ],
        },
        {
          text: 'Persistent memory',
          items: [
            page('What survives', '/guide/persistence'),
            page('Emulated persistent memory', '/guide/pmem'),
            page('RDMA of this computer', '/guide/rdma'),
          ],
        },
        {
          text: 'Recipes',
          collapsed: true,
          items: [
            page('All recipes', '/recipes/'),
            page('A file system on persistent memory', '/recipes/file-system-on-pmem'),
            page('A NUMA bug', '/recipes/numa-bug'),
            page('Boot an ISO and read its screen', '/recipes/boot-an-iso'),
            page('RDMA without RDMA hardware', '/recipes/rdma-without-hardware'),
            page('A course with 200 kernels', '/recipes/course'),
            page('CI on GitHub and GitLab', '/recipes/ci'),
          ],
        },
        {
          text: 'Devices',
          collapsed: true,
          items: [
            page('All devices', '/devices/'),
            page('CPU', '/devices/cpu'),
            page('Memory', '/devices/memory'),
            page('NUMA', '/devices/numa'),
            page('NVDIMM', '/devices/nvdimm'),
            page('Memory over virtio', '/devices/virtio-pmem'),
            page('Shared memory', '/devices/ivshmem'),
            page('Para-virtual RDMA', '/devices/pvrdma'),
            page('Vsock', '/devices/vsock'),
            page('CXL memory', '/devices/cxl'),
            page('Disk', '/devices/disk'),
            page('CD-ROM, floppy, USB stick', '/devices/media'),
            page('Shared folder', '/devices/folder'),
            page('Network card', '/devices/nic'),
            page('Consoles and serial ports', '/devices/consoles'),
            page('Display and screen', '/devices/display'),
            page('Debug exit', '/devices/debug-exit'),
            page('gdb', '/devices/gdb'),
            page('Watchdog', '/devices/watchdog'),
            page('Boot and firmware', '/devices/boot'),
          ],
        },
        {
          text: 'How bringup behaves',
          items: [
            page('QEMUs side by side', '/guide/qemus'),
            page('Changes to this computer', '/guide/changes'),
            page('Safety and clean-up', '/guide/safety'),
            page('Speed', '/guide/speed'),
            page('Test on a fresh computer', '/guide/walk'),
          ],
        },
        {
          text: 'Reference',
          items: [
            page('Commands and flags', '/reference/flags'),
            page('Keys of bringup.config', '/reference/config'),
            page('JSON output', '/reference/json'),
            page('What --verify compares', '/reference/verify'),
            page('QEMU versions and features', '/reference/qemus'),
            page('npm packages used', '/dependencies'),
          ],
        },
        {
          text: 'Diagnostics',
          collapsed: true,
          items: [page('All codes', '/reference/diagnostics/'), ...diagnostics],
        },
      ],
    },
  },
})
