import { defineConfig } from 'vitepress'

const page = (text: string, link: string) => ({ text, link })

export default defineConfig({
  title: 'bringup',
  description: "Brings up an operating system on hardware you don't have",
  cleanUrls: true,
  srcExclude: ['api/**/_media/**', 'guide/persistence-observed.md'],
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      page('Guide', '/guide/getting-started'),
      page('Devices', '/devices/'),
      page('Reference', '/reference/flags'),
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          page('Getting started', '/guide/getting-started'),
          page('Dependencies', '/guide/setup'),
          page('Checking out a source tree', '/guide/checkout'),
          page('Describing a machine', '/guide/describing-a-machine'),
          page('Running, and verdicts', '/guide/running'),
          page('Building', '/guide/building'),
          page('Images', '/guide/images'),
          page('Profiles of your own', '/guide/profiles'),
          page('Exit codes', '/guide/exit-codes'),
          page('Linux guests', '/guide/linux'),
          page('Debian guests', '/guide/debian'),
          page('Persistent memory', '/guide/persistence'),
          page('nrk', '/guide/nrk'),
          page('Tests', '/guide/tests'),
          page('Library', '/guide/library'),
          page('Building in a container', '/guide/containers'),
          page('Emulated persistent memory', '/guide/pmem'),
          page('Changes to this computer', '/guide/changes'),
          page('What dies when', '/guide/safety'),
          page('The walk', '/guide/walk'),
          page('Speed', '/guide/speed'),
        ],
      },
      {
        text: 'Devices',
        items: [
          page('CPU', '/devices/cpu'),
          page('Memory', '/devices/memory'),
          page('NUMA', '/devices/numa'),
          page('NVDIMM', '/devices/nvdimm'),
          page('Memory over virtio', '/devices/virtio-pmem'),
          page('CXL memory', '/devices/cxl'),
          page('Disk', '/devices/disk'),
          page('Network card', '/devices/nic'),
          page('Consoles and serial ports', '/devices/consoles'),
          page('Debug exit', '/devices/debug-exit'),
          page('Watchdog', '/devices/watchdog'),
          page('Boot and firmware', '/devices/boot'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('Commands and flags', '/reference/flags'),
          page('Keys of bringup.config', '/reference/config'),
          page('Diagnostics', '/reference/diagnostics'),
          page('JSON output', '/reference/json'),
          page('Dependencies', '/dependencies'),
        ],
      },
    ],
  },
})
